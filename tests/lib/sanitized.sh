# shellcheck shell=bash
# Sourced: makes every process that is started from here on write what its sanitizers find into one directory, and looks
# there. The exit status of a test program does not tell: Criterion ends with 0 although a test has leaked, and a service
# that dies is started again by its supervisor.

# sanitized_begin DIR: empties DIR and points the sanitizers to it.
sanitized_begin() {
  rm -rf "$1"
  mkdir -p "$1"
  export PARBUS_SANITIZER_REPORTS=$1
  # What UndefinedBehaviorSanitizer finds goes to standard error, whatever its log_path says, because gcc's two sanitizers
  # are two libraries; but it ends in an abort, and that, like a broken ASSERT, is reported by AddressSanitizer.
  export ASAN_OPTIONS=log_path=$1/report:detect_leaks=1:detect_stack_use_after_return=1:handle_abort=1
  export UBSAN_OPTIONS=log_path=$1/report:print_stacktrace=1:abort_on_error=1
}

# sanitized_end: shows the reports; fails when there is one.
sanitized_end() {
  local report found=0
  for report in "$PARBUS_SANITIZER_REPORTS"/report.*; do
    [ -e "$report" ] || continue
    # The simulator tells the sanitizer of each switch (tests/sim/fiber.c), and is warned all the same.
    grep -qv "WARNING: ASan doesn't fully support makecontext/swapcontext" "$report" || continue
    found=1
    echo "--- $(basename "$report")"
    head -n 60 "$report"
  done
  return $found
}
