parbus_test(test_coordinator SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_coordinator.c LINKS ingestor_core)
