#!/usr/bin/env bash
# What the door costs: the same build, the same values, in turn through the directory's own socket, through tcp in clear
# text, and through tcp with keys; and as the directory's owner, whom everything is allowed, and as somebody with grants.
#
#   tests/bench/door.sh PARBUS [--pairs N] [--observations "16"] [--submissions N] [--grants "1 200"]
#
#   PARBUS                bin/parbus of a build (its services lie beside it)
#   --pairs N             so many rounds of all of them (default 5); their order turns round each time
#   --observations LIST   rows of a submission (default 16)
#   --submissions N       each time (default 300000)
#   --grants LIST         how many grants the somebody has, of which the last one fits (default "1 200")
#
# Prints CSV, submissions/s and the ratio to what it is compared with, a line each; then the geometric means: of clear / own
# socket (tcp), keys / clear (CURVE), grants / keys with a grant that fits everything (rights).
set -euo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

pairs=5 observations=16 submissions=300000 grants="1 200" parbus=
while [ $# -gt 0 ]; do
  case $1 in
    --pairs) pairs=$2; shift 2 ;;
    --observations) observations=$2; shift 2 ;;
    --submissions) submissions=$2; shift 2 ;;
    --grants) grants=$2; shift 2 ;;
    --help) usage; exit 0 ;;
    *) parbus=$1; shift ;;
  esac
done
[ -x "$parbus" ] || { usage >&2; exit 2; }

place=$(mktemp -d "${TMPDIR:-/tmp}/parbus-door-XXXXXX")
finish() { "$parbus" down --dir "$place/var" >/dev/null 2>&1 || true; rm -rf "$place"; }
trap finish EXIT

free_port() { python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'; }

# `parbus` in the pipeline's directory, with what it says only when it fails.
tell() { "$parbus" "$@" --dir "$place/var" >"$place/said" 2>&1 || { cat "$place/said" >&2; exit 1; }; }

# What has just started is still busy with it: a tenth goes before.
seconds() { # observations, more arguments of load -> submissions/s that were scored
  "$parbus" load --dir "$place/var" --format json --submissions $((submissions / 10)) --observations "$@" >/dev/null
  "$parbus" load --yes --dir "$place/var" --format json --submissions "$submissions" --observations "$@" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["seconds_to_score"])' |
    awk -v n="$submissions" '{ printf "%.0f\n", n / $1 }'
}

# The way, observations -> submissions/s; a fresh pipeline each time.
measure() {
  local way=$1 n=$2 door speed
  door=tcp://127.0.0.1:$(free_port)
  case $way in
    own) tell up --detach --catalog "$root/catalog"; speed=$(seconds "$n") ;;
    clear) tell up --detach --catalog "$root/catalog" --door "$door" --insecure; speed=$(seconds "$n" --door "$door") ;;
    keys) tell up --detach --catalog "$root/catalog" --door "$door"
      tell keys new bench --out "$place/bench.context" --door "$door"
      for verb in submit appraise ballots; do tell access grant bench "$verb"; done
      speed=$(seconds "$n" --context "$place/bench.context") ;;
    *) tell up --detach --catalog "$root/catalog" --door "$door"
      tell keys new bench --out "$place/bench.context" --door "$door"
      for ((g = 1; g < ${way#grants-}; g++)); do tell access grant bench ballots "nothing-$g/*"; done
      for verb in submit appraise ballots; do tell access grant bench "$verb" 'par-province/2024:*'; done
      speed=$(seconds "$n" --context "$place/bench.context") ;;
  esac
  tell down
  rm -rf "${place:?}/var" "$place/bench.context"
  echo "$speed"
}

geometric_mean() { awk '{ s += log($1) } END { if (NR) printf "%.3f\n", exp(s / NR) }'; }

ways=(own clear keys)
against=([0]="" [1]=own [2]=clear)
for g in $grants; do ways+=("grants-$g"); against+=(keys); done

round() { # pair, observations: all ways once
  local pair=$1 n=$2 i at count=${#ways[@]}
  declare -A speed
  for ((i = 0; i < count; i++)); do
    at=$((pair % 2 ? i : count - 1 - i))
    speed[${ways[at]}]=$(measure "${ways[at]}" "$n")
  done
  for ((i = 0; i < count; i++)); do
    awk -v n="$n" -v way="${ways[i]}" -v v="${speed[${ways[i]}]}" -v against="${against[i]}" -v b="${speed[${against[i]:-own}]}" \
      'BEGIN { printf "%d,%s,%.0f,%s,%.3f\n", n, way, v, against, v / b }'
  done
}

echo observations_per_submission,way,submissions_per_s,compared_with,ratio
for n in $observations; do
  for ((pair = 1; pair <= pairs; pair++)); do round "$pair" "$n"; done | tee "$place/lines"
  for ((i = 1; i < ${#ways[@]}; i++)); do
    printf 'geometric mean of %d at %d, %s / %s: %s\n' "$pairs" "$n" "${ways[i]}" "${against[i]}" \
      "$(awk -F, -v way="${ways[i]}" '$2 == way { print $5 }' "$place/lines" | geometric_mean)"
  done
done
