parbus_test(test_journal SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_journal.c LINKS journal)
