parbus_test(test_ranking SOURCES test_ranking.c LINKS ranking)
