parbus_test(test_replay SOURCES test_replay.c small_catalog.c LINKS tool_replay)
