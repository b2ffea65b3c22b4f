parbus_test(test_audit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_audit.c LINKS audit)
parbus_test(test_access_log SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_access_log.c LINKS service)
