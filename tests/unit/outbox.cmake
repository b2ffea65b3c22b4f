parbus_test(test_outbox SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_outbox.c ${CMAKE_CURRENT_LIST_DIR}/test_outbox_damage.c
  LINKS client)
