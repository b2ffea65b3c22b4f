#!/usr/bin/env bash
# tests/run.sh notices what an exit status can hide. $1 is the program that goes wrong on purpose.
set -u
# shellcheck source=tests/lib/sanitized.sh
. "$(dirname "${BASH_SOURCE[0]}")/sanitized.sh"
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

fail() { echo "FAILED: $*"; exit 1; }

# expect_report TEST WORDS: this test leaves a report with these words.
expect_report() {
  local said
  sanitized_begin "$reports/$1"
  "$program" --filter "sanitize/$1" >/dev/null 2>&1
  said=$(sanitized_end) && fail "$1 left no report"
  [[ $said == *"$2"* ]] || fail "the report of $1 does not say '$2': $said"
}

program=$1
sanitized_begin "$reports/clean"
"$program" --filter sanitize/clean >/dev/null 2>&1 || fail "the test without a fault should pass"
sanitized_end || fail "a report without a fault"
expect_report leak LeakSanitizer
expect_report overflow sanitize_faults.c
expect_report invariant assert_failed
