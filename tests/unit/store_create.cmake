parbus_test(test_store_create SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_store_create.c LINKS store)
