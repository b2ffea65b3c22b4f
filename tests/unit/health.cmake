parbus_test(test_health SOURCES test_health.c LINKS tool_health)
