parbus_test(test_replay SOURCES test_replay.c small_catalog.c ${PROJECT_SOURCE_DIR}/services/parbus/replay.c
  LINKS scorer_store validator_core)
