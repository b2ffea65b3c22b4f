parbus_test(test_access SOURCES test_access.c LINKS auth)
parbus_test(test_context SOURCES test_context.c LINKS context)
parbus_test(test_invitation SOURCES test_invitation.c LINKS context)
parbus_test(test_expires SOURCES test_expires.c LINKS tool_expires)
