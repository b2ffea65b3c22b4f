parbus_test(test_arena SOURCES test_arena.c LINKS base)
parbus_test(test_clock SOURCES test_clock.c LINKS base)
parbus_test(test_date SOURCES test_date.c LINKS base)
parbus_test(test_ends SOURCES test_ends.c LINKS base)
parbus_test(test_err SOURCES test_err.c LINKS base)
parbus_test(test_log SOURCES test_log.c LINKS base)
parbus_test(test_settings SOURCES test_settings.c LINKS base)
# It aborts on purpose; tests/run.sh counts any other abort as a fault.
set_tests_properties(test_err PROPERTIES ENVIRONMENT_MODIFICATION "ASAN_OPTIONS=string_append::handle_abort=0")
