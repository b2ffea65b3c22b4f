#!/usr/bin/env bash
# Every test: installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs CTest. Fails when a
# test fails, and when any process of any test leaves a sanitizer's report (Criterion alone passes leaks).
#
#   tests/run.sh [--long] [ctest option…]
#
#   --long   more rounds where a test has a number of them (PARBUS_TEST_LONG=1)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/compose/packages.sh"

arguments=()
for argument; do
  case $argument in
    --long) export PARBUS_TEST_LONG=1 ;;
    --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

install_packages "${packages_build[@]}" "${packages_test[@]}"
echo "building with sanitizers …" >&2
build_preset "$root" asan

. "$root/tests/lib/sanitized.sh"
sanitized_begin "$root/build/asan/sanitizer-reports"
cd "$root"
exec ctest --preset asan --parallel "${PARBUS_JOBS:-2}" ${arguments[@]+"${arguments[@]}"}
