parbus_test(test_access SOURCES test_access.c LINKS auth)
parbus_test(test_context SOURCES test_context.c LINKS context)
