foreach(test scorer_poison scorer_core scorer_ownership scorer_recovery scorer_writing)
  parbus_test(test_${test} SOURCES test_${test}.c scorer_world.c fake_state.c page.c small_catalog.c LINKS scorer_core)
endforeach()
