#!/usr/bin/env bash
# Two builds side by side, in turn: whether a change made the pipeline faster or slower, on a machine that others use too.
#
#   tests/bench/pairs.sh OLD_PARBUS NEW_PARBUS [--pairs N] [--observations "1 16 256"] [--submissions N] [--rate "R …"]
#
#   OLD_PARBUS, NEW_PARBUS   the `parbus` of each build (its services lie beside it)
#   --pairs N                so many pairs for each number of observations (default 5); who is first alternates
#   --observations LIST      rows of a submission (default "1 16 256")
#   --submissions N          of 16 rows or fewer; a third as many of more (default 500000)
#   --rate LIST              instead: the time from push to feed at so many submissions a second of 16 rows, for 10 s each
#
# Prints CSV, a line per pair; then the geometric mean of the ratios new / old. For rates: median and 99th percentile of both.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

pairs=5 observations="1 16 256" submissions=500000 rates=
builds=()
while [ $# -gt 0 ]; do
  case $1 in
    --pairs) pairs=$2; shift 2 ;;
    --observations) observations=$2; shift 2 ;;
    --submissions) submissions=$2; shift 2 ;;
    --rate) rates=$2; shift 2 ;;
    --help) usage; exit 0 ;;
    *) builds+=("$1"); shift ;;
  esac
done
[ ${#builds[@]} -eq 2 ] || { usage >&2; exit 2; }
for build in "${builds[@]}"; do
  [ -x "$build" ] || { echo "tests/bench/pairs.sh: there is no program $build" >&2; exit 2; }
done

place=$(mktemp -d "${TMPDIR:-/tmp}/parbus-pairs-XXXXXX")
running=
finish() { [ -z "$running" ] || "$running" down --dir "$place/var" >/dev/null 2>&1 || true; rm -rf "$place"; }
trap finish EXIT

# parbus, what to tell `load`: its JSON; a fresh pipeline each time.
load() {
  local parbus=$1
  shift
  running=$parbus
  "$parbus" up --detach --dir "$place/var" --catalog "$root/catalog" >/dev/null
  "$parbus" load --dir "$place/var" --format json "$@"
  "$parbus" down --dir "$place/var" >/dev/null
  running=
  rm -rf "${place:?}/var"
}

field() { python3 -c 'import json,sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value[name]
print("%.3f" % value)' "$1"; }

speed() { # parbus, observations, submissions -> submissions/s
  load "$1" --observations "$2" --submissions "$3" | field seconds_to_score | awk -v n="$3" '{ printf "%.0f\n", n / $1 }'
}

geometric_mean() { awk '{ s += log($1) } END { if (NR) printf "%.3f\n", exp(s / NR) }'; }

compare_speed() { # observations
  local n=$1 count=$submissions pair old new ratios=
  [ "$n" -le 16 ] || count=$((submissions / 3))
  for ((pair = 1; pair <= pairs; pair++)); do
    if ((pair % 2)); then
      old=$(speed "${builds[0]}" "$n" "$count") new=$(speed "${builds[1]}" "$n" "$count")
    else
      new=$(speed "${builds[1]}" "$n" "$count") old=$(speed "${builds[0]}" "$n" "$count")
    fi
    awk -v n="$n" -v o="$old" -v w="$new" 'BEGIN { printf "%d,%.0f,%.0f,%.3f\n", n, o, w, w / o }'
    ratios+="$(awk -v o="$old" -v w="$new" 'BEGIN { print w / o }')"$'\n'
  done
  printf 'geometric mean of %d at %d: %s\n' "$pairs" "$n" "$(printf '%s' "$ratios" | geometric_mean)"
}

latency() { # parbus, rate -> "median,p99" in ms
  load "$1" --observations 16 --rate "$2" --duration 10 >"$place/answer"
  echo "$(field push_to_feed_ms.p50 <"$place/answer"),$(field push_to_feed_ms.p99 <"$place/answer")"
}

compare_latency() { # rate
  local rate=$1 pair old new
  for ((pair = 1; pair <= pairs; pair++)); do
    if ((pair % 2)); then
      old=$(latency "${builds[0]}" "$rate") new=$(latency "${builds[1]}" "$rate")
    else
      new=$(latency "${builds[1]}" "$rate") old=$(latency "${builds[0]}" "$rate")
    fi
    echo "$rate,$old,$new"
  done
}

if [ -n "$rates" ]; then
  echo submissions_per_s,old_median_ms,old_p99_ms,new_median_ms,new_p99_ms
  for rate in $rates; do compare_latency "$rate"; done
else
  echo observations_per_submission,old_submissions_per_s,new_submissions_per_s,ratio
  for n in $observations; do compare_speed "$n"; done
fi
