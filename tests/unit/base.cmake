parbus_test(test_arena SOURCES test_arena.c LINKS base)
parbus_test(test_clock SOURCES test_clock.c LINKS base)
parbus_test(test_err SOURCES test_err.c LINKS base)
parbus_test(test_settings SOURCES test_settings.c LINKS base)
