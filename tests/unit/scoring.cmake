parbus_test(test_scoring SOURCES test_scoring.c test_scoring_unit.c LINKS scoring)
