parbus_test(test_wire SOURCES test_wire.c test_wire_text.c LINKS wire)
