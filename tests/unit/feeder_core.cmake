parbus_test(test_feeder_core SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_feeder_core.c LINKS client)
