set(world ${CMAKE_CURRENT_LIST_DIR}/ingestor_world.c)
parbus_test(test_ingestor_door SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_door.c ${world} LINKS ingestor_core)
parbus_test(test_ingestor_hello SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_hello.c ${world} LINKS ingestor_core)
parbus_test(test_ingestor_workers SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_workers.c ${world} LINKS ingestor_core)
set(poison_world ${CMAKE_CURRENT_LIST_DIR}/poison_world.c ${world})
parbus_test(test_ingestor_poison SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_poison.c ${poison_world} LINKS ingestor_core)
parbus_test(test_ingestor_retry SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_retry.c ${poison_world} LINKS ingestor_core)
parbus_test(test_ingestor_health SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_health.c ${world} LINKS ingestor_core)
parbus_test(test_ingestor_questions SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_ingestor_questions.c
  ${CMAKE_CURRENT_LIST_DIR}/small_catalog.c ${world} LINKS ingestor_core)
parbus_test(test_announce SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_announce.c ${CMAKE_CURRENT_LIST_DIR}/small_catalog.c
  ${world} LINKS ingestor_core)
parbus_test(test_standstill SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_standstill.c LINKS ingestor_core)
