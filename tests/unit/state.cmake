set(state_tests test_state.c test_state_compare.c test_state_damage.c test_state_gone.c test_state_processes.c state_fixture.c
  child.c)
list(TRANSFORM state_tests PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
parbus_test(test_state SOURCES ${state_tests} LINKS state)
