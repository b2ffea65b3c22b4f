parbus_test(test_validate SOURCES test_validate.c small_catalog.c LINKS validate)
