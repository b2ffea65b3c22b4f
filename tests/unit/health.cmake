parbus_test(test_health SOURCES test_health.c ${PROJECT_SOURCE_DIR}/services/parbus/health.c
  ${PROJECT_SOURCE_DIR}/services/parbus/status_rows.c ${PROJECT_SOURCE_DIR}/services/parbus/status_wrong.c
  LINKS supervisor_core wire link PkgConfig::JANSSON)
