parbus_test(test_publisher_core SOURCES test_publisher_core.c feed_world.c little_catalog.c LINKS publisher_core)
