parbus_test(test_scorer_core SOURCES test_scorer_core.c scorer_bench.c fake_state.c small_catalog.c LINKS scorer_core)
parbus_test(test_scorer_ownership SOURCES test_scorer_ownership.c scorer_bench.c fake_state.c small_catalog.c
  LINKS scorer_core)
