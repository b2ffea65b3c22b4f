parbus_test(test_connections SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_connections.c LINKS service)
parbus_test(test_service SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_service.c LINKS service)
parbus_test(test_bookmark SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_bookmark.c LINKS service)
parbus_test(test_worker_shell SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_worker_shell.c LINKS service_shell)
