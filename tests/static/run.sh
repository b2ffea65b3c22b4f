#!/usr/bin/env bash
# What can be found without running anything: builds all with clang, warnings being errors, then lets clang-tidy (.clang-tidy)
# and cppcheck (tests/static/suppressions.txt) read every source file of ours. Installs what is missing.
#
#   tests/static/run.sh [FILE…]     FILE: only these sources; by default all
#
# Fails when there is anything to say. A fault found is mended, not muted; what is muted has its reason beside it.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/compose/packages.sh"
jobs=${PARBUS_JOBS:-2}
build=$root/build/clang
place=$build/static # a list of what is to be read, each file once and nothing generated; and what cppcheck remembers

install_packages "${packages_build[@]}" "${packages_test[@]}" "${packages_check[@]}" || exit 1
echo "building with clang …" >&2
build_preset "$root" clang || exit 1
mkdir -p "$place/cppcheck"
python3 -B "$root/tests/static/ours.py" "$root" "$build" "$@" >"$place/compile_commands.json" || exit 1

echo "clang-tidy …" >&2
tidy() {
  local log
  log=$(mktemp)
  run-clang-tidy -quiet -j "$jobs" -p "$place" >"$log" 2>&1
  local status=$?
  # It names every command that it runs, and counts the warnings of other people's headers.
  grep -vE '^(clang-tidy(-[0-9]+)? |[0-9]+ warnings? generated|$)' "$log"
  rm -f "$log"
  return $status
}
tidy
tidy=$?

echo "cppcheck …" >&2
# It sees no header of the system: what these define and it stumbles over is told here.
cppcheck --project="$place/compile_commands.json" -j "$jobs" --cppcheck-build-dir="$place/cppcheck" --quiet \
  --enable=warning,performance,portability --library=posix --library=gnu --inline-suppr \
  --suppressions-list="$root/tests/static/suppressions.txt" --error-exitcode=1 \
  --template='{file}:{line}: {message} [{id}]' -DPROTOBUF_C_VERSION_NUMBER=1004001 -DPROTOBUF_C_MIN_COMPILER_VERSION=1000000 \
  '-DTest(...)=void criterion_test(void)' '-DParameterizedTest(...)=void criterion_test(void)' \
  '-DParameterizedTestParameters(...)=void criterion_test(void)' '-DTestSuite(...)=' '-Djson_array_foreach(...)=while (1)'
cppcheck=$?

[ "$tidy" -eq 0 ] || echo "FAILED: clang-tidy" >&2
[ "$cppcheck" -eq 0 ] || echo "FAILED: cppcheck" >&2
[ "$tidy" -eq 0 ] && [ "$cppcheck" -eq 0 ]
