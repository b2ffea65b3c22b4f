set(push ${PROJECT_SOURCE_DIR}/services/parbus)
parbus_test(test_push SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_push.c ${push}/push_ledger.c ${push}/push_groups.c
  ${push}/push_names.c ${push}/load_latency.c ${push}/load_values.c LINKS client csv PkgConfig::JANSSON)
target_include_directories(test_push PRIVATE ${PROJECT_SOURCE_DIR})
