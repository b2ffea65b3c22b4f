parbus_test(test_wire SOURCES test_wire.c LINKS wire)
