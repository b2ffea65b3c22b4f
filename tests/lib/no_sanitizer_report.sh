#!/usr/bin/env bash
# The last test of a run: no process of any other test has left a sanitizer's report.
set -u
# shellcheck source=tests/lib/sanitized.sh
. "$(dirname "${BASH_SOURCE[0]}")/sanitized.sh"
if [ -z "${PARBUS_SANITIZER_REPORTS-}" ]; then
  echo "not started by tests/run.sh: nobody has collected reports"
  exit 77
fi
sanitized_end
