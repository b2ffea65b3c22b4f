# The helpers behind every leaf CMakeLists.txt.

function(parbus_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC parbus_options ${A_LINKS})
  parbus_hidden(${name})
endfunction()

# What may become a part of the client library: nothing is seen outside it but what says so (PARBUS_API).
function(parbus_hidden name)
  set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
endfunction()

function(parbus_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE parbus_options ${A_LINKS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# A Criterion test program = one CTest test.
function(parbus_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE parbus_options ${A_LINKS} PkgConfig::CRITERION)
  target_compile_definitions(${name} PRIVATE SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS unit)
endfunction()

# The source files of our libraries, for a program that compiles them once more in its own way.
function(parbus_sources_of out)
  foreach(library ${ARGN})
    get_target_property(names ${library} SOURCES)
    get_target_property(directory ${library} SOURCE_DIR)
    list(TRANSFORM names PREPEND ${directory}/)
    list(APPEND all ${names})
  endforeach()
  set(${out} ${all} PARENT_SCOPE)
endfunction()
