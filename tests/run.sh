#!/usr/bin/env bash
# Every test: installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs CTest. Fails when a
# test fails, and when any process of any test leaves a sanitizer's report (Criterion alone passes leaks).
#
#   tests/run.sh [--long [MINUTES]] [ctest option…]
#
#   --long [MINUTES]  500 kills in the chaos test, 500 power cuts, a feed subscriber suspended for a minute, 5,000,000 mutated
#                     messages; after all tests, simulator seeds for MINUTES (10 by default), and as long coverage-guided
#                     fuzzing, in which all harnesses have a part (tests/fuzz/run.sh). The first part takes about an
#                     hour on two cores. What PARBUS_CHAOS_KILLS, PARBUS_POWERCUTS, PARBUS_FUZZ_MUTATIONS say goes before it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/compose/packages.sh"
jobs=${PARBUS_JOBS:-2}

long=
timeout_factor=1
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --long)
      long=10
      if [[ ${2-} =~ ^[0-9]+$ ]]; then
        long=$2
        shift
      fi
      ;;
    --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if [ -n "$long" ]; then
  timeout_factor=24
  export PARBUS_TEST_LONG=1
  export PARBUS_CHAOS_KILLS=${PARBUS_CHAOS_KILLS:-500}
  export PARBUS_POWERCUTS=${PARBUS_POWERCUTS:-500}
  export PARBUS_FUZZ_MUTATIONS=${PARBUS_FUZZ_MUTATIONS:-5000000}
fi

install_packages "${packages_build[@]}" "${packages_test[@]}"
echo "building with sanitizers …" >&2
build_preset "$root" asan "-DPARBUS_TEST_TIMEOUT_FACTOR=$timeout_factor"

. "$root/tests/lib/sanitized.sh"
sanitized_begin "$root/build/asan/sanitizer-reports"
cd "$root"
# Real processes that are killed and waited for leave processors idle: one test more than there are of those.
test_all() { ctest --preset asan --parallel "$((jobs + 1))" ${arguments[@]+"${arguments[@]}"}; }

[ -n "$long" ] || { test_all; exit; }

status=0
test_all || status=$?
if [ "$long" -gt 0 ]; then
  echo "simulating for $long minutes …" >&2
  build/asan/tests/sim/sim --seconds $((long * 60)) --jobs "$jobs" || status=1
  sanitized_end || status=1
  echo "fuzzing for $long minutes …" >&2
  harnesses=("$root"/tests/fuzz/fuzz_*.c)
  ASAN_OPTIONS='' UBSAN_OPTIONS='' "$root/tests/fuzz/run.sh" $((long * 60 / ${#harnesses[@]})) || status=1
fi
exit "$status"
