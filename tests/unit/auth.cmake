parbus_test(test_access SOURCES test_access.c LINKS auth)
