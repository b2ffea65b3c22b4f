parbus_test(test_state SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_state.c LINKS state)
