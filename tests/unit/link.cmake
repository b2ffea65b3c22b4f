parbus_test(test_link SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_link.c LINKS link)
parbus_test(test_link_security SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_link_security.c LINKS link)
