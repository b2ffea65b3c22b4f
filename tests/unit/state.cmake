parbus_test(test_state SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_state.c LINKS state)
parbus_test(test_state_gone SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_state_gone.c LINKS state)
