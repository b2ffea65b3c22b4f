parbus_test(test_membership SOURCES test_membership.c page.c LINKS worker)
