set(journal_tests test_journal.c test_journal_damage.c test_journal_trouble.c test_journal_processes.c journal_fixture.c
    child.c)
list(TRANSFORM journal_tests PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
parbus_test(test_journal SOURCES ${journal_tests} LINKS journal)
