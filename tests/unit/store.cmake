parbus_test(test_store SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_store.c LINKS store)
