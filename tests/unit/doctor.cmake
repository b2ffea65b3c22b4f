parbus_test(test_doctor SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_doctor.c LINKS tool_doctor_checks)
