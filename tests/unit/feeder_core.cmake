set(feeder ${CMAKE_CURRENT_LIST_DIR})
parbus_test(test_feeder_core SOURCES ${feeder}/test_feeder_core.c ${feeder}/test_feeder_pack.c
  ${feeder}/test_feeder_window.c ${feeder}/test_feeder_line.c ${feeder}/feeder_world.c LINKS client)
parbus_test(test_feeder_loop SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_feeder_loop.c LINKS client)
