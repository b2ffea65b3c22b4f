parbus_test(test_record SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_record.c LINKS record)
