parbus_test(test_push SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_push.c LINKS tool_push tool_load)
