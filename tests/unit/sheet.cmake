parbus_test(test_sheet SOURCES test_sheet.c ${PROJECT_SOURCE_DIR}/services/parbus/sheet.c ${PROJECT_SOURCE_DIR}/services/parbus/print.c
  LINKS scoring ranking PkgConfig::UTF8PROC PkgConfig::JANSSON)
