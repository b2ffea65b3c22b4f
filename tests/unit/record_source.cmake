parbus_test(test_record_source SOURCES test_record_source.c elsewhere.c scorer_world.c fake_state.c page.c small_catalog.c
  LINKS scorer_core validator_core)
