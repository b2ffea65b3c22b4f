parbus_test(test_feed_table SOURCES test_feed_table.c feed_world.c page.c little_catalog.c LINKS publisher_core client)
parbus_test(test_feed_messages SOURCES test_feed_messages.c LINKS client)
parbus_test(test_feed_connection SOURCES test_feed_connection.c LINKS client)
parbus_test(test_feed_topics SOURCES test_feed_topics.c LINKS client)
