parbus_test(test_ingestor_core SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_core.c LINKS ingestor_core)
