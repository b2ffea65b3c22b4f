parbus_test(test_standings SOURCES test_standings.c little_catalog.c LINKS standings)
