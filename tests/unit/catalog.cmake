parbus_test(test_catalog SOURCES test_catalog.c test_catalog_files.c test_catalog_load.c test_catalog_missing.c catalog_world.c LINKS catalog)
parbus_test(test_set_aside SOURCES test_set_aside.c small_catalog.c LINKS catalog record)
parbus_test(test_follow SOURCES test_follow.c small_catalog.c LINKS catalog record)
