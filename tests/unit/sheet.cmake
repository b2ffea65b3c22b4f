parbus_test(test_sheet SOURCES test_sheet.c LINKS tool_sheet ranking)
