parbus_test(test_link SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_link.c LINKS link)
