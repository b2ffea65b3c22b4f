parbus_test(test_validator_poison SOURCES test_validator_poison.c small_catalog.c LINKS validator_core)
target_link_options(test_validator_poison PRIVATE -Wl,--wrap=rejects_begin)
parbus_test(test_validator_core SOURCES test_validator_core.c validator_world.c page.c small_catalog.c LINKS validator_core)
