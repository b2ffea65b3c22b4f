parbus_test(test_membership SOURCES test_membership.c test_worker.c page.c LINKS worker)
