#!/usr/bin/env bash
# How fast the whole pipeline is on this machine: feeder -> journal (synced) -> check -> score -> last delta at a subscriber.
#
#   tests/bench/run.sh [--submissions N] [--beside COMMAND]
#
#   --submissions N    of 16 observations; a third as many of 256 (default 1000000)
#   --beside COMMAND   runs COMMAND before and after, in the same run, so that its figures may be compared: machines are
#                      shared and noisy, ratios hold, single figures do not
#
# Prints CSV: system,observations_per_submission,submissions_per_s,observations_per_s
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/compose/packages.sh"

submissions=1000000 beside=
while [ $# -gt 0 ]; do
  case $1 in
    --submissions) submissions=$2; shift 2 ;;
    --beside) beside=$2; shift 2 ;;
    --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "tests/bench/run.sh: unknown argument $1; see --help" >&2; exit 2 ;;
  esac
done

install_packages "${packages_build[@]}"
build_preset "$root" release >&2
parbus=$root/build/release/bin/parbus
place=$(mktemp -d "${TMPDIR:-/tmp}/parbus-bench-XXXXXX")
finish() { "$parbus" down --dir "$place" >/dev/null 2>&1 || true; rm -rf "$place"; }
trap finish EXIT

measure() { # observations, submissions: a fresh pipeline each time
  "$parbus" up --detach --dir "$place" --catalog "$root/catalog" >/dev/null
  "$parbus" load --dir "$place" --observations "$1" --submissions "$2" --format json |
    awk -v n="$1" -v total="$2" -F'[:,]' '/"seconds_to_score"/ {
      printf "parbus,%d,%.0f,%.0f\n", n, total / $2, total * n / $2 }'
  "$parbus" down --dir "$place" >/dev/null
  rm -rf "$place"
}

echo system,observations_per_submission,submissions_per_s,observations_per_s
[ -z "$beside" ] || bash -c "$beside" | grep -v '^system,'
measure 1 "$submissions"
measure 16 "$submissions"
measure 256 $((submissions / 3))
[ -z "$beside" ] || bash -c "$beside" | grep -v '^system,'
