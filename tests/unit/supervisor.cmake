parbus_test(test_supervisor SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_supervisor.c LINKS supervisor_core)
