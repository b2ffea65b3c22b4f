parbus_test(test_publisher_core SOURCES test_publisher_core.c witness.c feed_world.c page.c little_catalog.c LINKS publisher_core)
parbus_test(test_publisher_rights
  SOURCES test_publisher_rights.c witness.c feed_world.c page.c little_catalog.c LINKS publisher_core)
parbus_test(test_subscribers SOURCES test_subscribers.c LINKS publisher_core)
parbus_test(test_publisher_requests
  SOURCES test_publisher_requests.c witness.c feed_world.c page.c little_catalog.c LINKS publisher_core)
parbus_test(test_publisher_set_aside
  SOURCES test_publisher_set_aside.c witness.c feed_world.c page.c little_catalog.c LINKS publisher_core)
