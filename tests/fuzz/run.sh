#!/usr/bin/env bash
# Coverage-guided fuzzing (libFuzzer, clang's sanitizers), one harness after the other, and what came of it as a table.
#
#   tests/fuzz/run.sh [--corpus DIR] SECONDS [HARNESS…]
#
#   SECONDS       for each harness; 0: no more than what the corpora hold
#   HARNESS       wire, record, … (fuzz_<harness>.c); all of them when none is named
#   --corpus DIR  where inputs that lead somewhere new are kept, and found again next time (default build/fuzz/corpus)
#
# Prints for each harness: executions, executions per second, inputs in its corpus, and the lines that these inputs reach,
# of how many in those sources of ours that they reach at all. Ends with 1 when an input crashes, leaks or takes longer than
# 10 s: it lies in DIR/found, and becomes a file of tests/fuzz/corpus when the fault is mended.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/compose/packages.sh"
corpora=$root/build/fuzz/corpus
if [ "${1-}" = --corpus ]; then
  corpora=$2
  shift 2
fi
if ! [[ ${1-} =~ ^[0-9]+$ ]]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
seconds=$1
shift
harnesses=("$@")
if [ $# -eq 0 ]; then
  for source in "$root"/tests/fuzz/fuzz_*.c; do
    source=${source##*/fuzz_}
    harnesses+=("${source%.c}")
  done
fi
export ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=4 # what is freed is not to fill the memory

install_packages "${packages_build[@]}" "${packages_test[@]}" "${packages_check[@]}"

# build DIRECTORY OPTION…: the harnesses alone.
build() {
  local directory=$1 log
  shift
  log=$(mktemp)
  if ! { cmake -S "$root" -B "$directory" --preset clang -DCMAKE_C_FLAGS_DEBUG="-O2 -g" "$@" &&
    cmake --build "$directory" --parallel "${PARBUS_JOBS:-2}" --target "${harnesses[@]/#/fuzz_}"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    echo "the build failed" >&2
    exit 1
  fi
  rm -f "$log"
}

seed() {
  mkdir -p "$corpora/$1" "$corpora/found"
  cp "$root/tests/fuzz/corpus/$1"/*.bin "$corpora/$1"
  case $1 in wire | control) cp "$root"/tests/golden/*.bin "$corpora/$1" ;; esac
}

number_of() { sed -n "s/^stat::$1: *//p" "$2"; }

# "reached of all"
lines_of() {
  local program=$root/build/fuzz-lines/tests/fuzz_$1 profile=$corpora/$1.profile
  LLVM_PROFILE_FILE=$profile.raw "$program" -runs=0 "$corpora/$1" >/dev/null 2>&1 || return 0
  llvm-profdata merge -o "$profile" "$profile.raw"
  llvm-cov report "$program" -instr-profile="$profile" -ignore-filename-regex='tests/fuzz|\.pb-c\.' |
    awk '$1 != "TOTAL" && $9 + 0 < $8 + 0 { reached += $8 - $9; all += $8 } END { print reached + 0 " of " all + 0 }'
  rm -f "$profile" "$profile.raw"
}

build "$root/build/fuzz"
build "$root/build/fuzz-lines" -DPARBUS_FUZZ_LINES=ON
status=0
all=0
echo "harness,executions,per_s,inputs,lines"
for harness in "${harnesses[@]}"; do
  seed "$harness"
  log=$corpora/$harness.log
  bound=-max_total_time=$seconds
  [ "$seconds" -gt 0 ] || bound=-runs=0
  if ! "$root/build/fuzz/tests/fuzz_$harness" "$bound" -timeout=10 -print_final_stats=1 -artifact_prefix="$corpora/found/$harness-" \
    "$corpora/$harness" >"$log" 2>&1; then
    grep -E 'ERROR|SUMMARY|Test unit written' "$log" | sed "s/^/fuzz_$harness: /" >&2
    status=1
  fi
  executions=$(number_of number_of_executed_units "$log")
  all=$((all + ${executions:-0}))
  echo "$harness,${executions:-0},$(number_of average_exec_per_sec "$log"),$(find "$corpora/$harness" -type f | wc -l),$(lines_of "$harness")"
done
echo "all,$all,,,"
exit "$status"
