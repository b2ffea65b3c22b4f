parbus_test(test_reactor
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_reactor.c ${CMAKE_CURRENT_LIST_DIR}/test_reactor_sources.c
    ${CMAKE_CURRENT_LIST_DIR}/test_reactor_loop.c ${CMAKE_CURRENT_LIST_DIR}/test_reactor_zap.c
    ${CMAKE_CURRENT_LIST_DIR}/reactor_world.c
  LINKS reactor)
parbus_test(test_gate SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_gate.c ${CMAKE_CURRENT_LIST_DIR}/reactor_world.c LINKS auth gate)
parbus_test(test_gate_feed SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_gate_feed.c ${CMAKE_CURRENT_LIST_DIR}/reactor_world.c LINKS gate)
