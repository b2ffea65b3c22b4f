set(here ${CMAKE_CURRENT_LIST_DIR})
parbus_test(test_ingestor_liars SOURCES ${here}/test_ingestor_liars.c ${here}/liar.c ${here}/ingestor_world.c
  LINKS ingestor_core)
parbus_test(test_scorer_liars SOURCES ${here}/test_scorer_liars.c ${here}/liar.c ${here}/scorer_world.c ${here}/fake_state.c
  ${here}/page.c ${here}/small_catalog.c LINKS scorer_core)
parbus_test(test_feeder_liars SOURCES ${here}/test_feeder_liars.c ${here}/liar.c ${here}/feeder_world.c
  LINKS client record)
parbus_test(test_publisher_liars SOURCES ${here}/test_publisher_liars.c ${here}/liar.c ${here}/witness.c
  ${here}/feed_world.c ${here}/page.c ${here}/little_catalog.c LINKS publisher_core record)
parbus_test(test_validator_liars SOURCES ${here}/test_validator_liars.c ${here}/liar.c ${here}/validator_world.c
  ${here}/small_catalog.c LINKS validator_core)
