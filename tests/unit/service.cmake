parbus_test(test_service SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_service.c LINKS service)
