#!/usr/bin/env bash
# One command from a bare Debian 12 to a live ranking: installs what is missing, builds, starts the pipeline, pushes the
# sample data, shows the ranking. It may be run again at any time.
#
#   compose/up.sh            shows the live ranking until Ctrl-C (without a terminal: shows it once), then stops
#   compose/up.sh --detach   leaves it running and returns; stop it with: parbus down
#
# Everything lives in $PARBUS_DIR, or else in var/ beside this project.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/compose/packages.sh"

detach=false
case "${1-}" in
  '') ;;
  --detach) detach=true ;;
  --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "compose/up.sh: unknown argument $1; see compose/up.sh --help" >&2; exit 2 ;;
esac
export PARBUS_DIR=${PARBUS_DIR:-$root/var}
parbus=$root/build/release/bin/parbus
index=qd766 period=2025

say() { printf '%s\n' "$*" >&2; }

started=false
stop_what_was_started() {
  if $started; then "$parbus" down >&2; fi
}
trap stop_what_was_started EXIT

install_packages "${packages_build[@]}"
say "building …"
build_preset "$root" release

say "starting …"
said=$("$parbus" up --detach --catalog "$root/catalog")
say "$said"
case $said in *'already running'*) ;; *) started=true ;; esac

# The year sheet of 15 October restates that of the 11th: pushed last, while somebody watches, it moves ranks.
restatement=$root/catalog/data/qd766-2025-20251015T014624Z.csv
files=()
for file in "$root"/catalog/data/*.csv; do [ "$file" = "$restatement" ] || files+=("$file"); done

say "pushing the sample data …"
"$parbus" push --wait "${files[@]}"

push_while_watched() {
  local lines
  lines=$(mktemp)
  "$parbus" watch "$index" "$period" >"$lines" &
  local watcher=$!
  for _ in $(seq 100); do [ -s "$lines" ] && break; sleep 0.1; done
  "$parbus" push --wait "$restatement"
  sleep 0.3 # longer than deltas are merged
  kill -INT "$watcher"
  wait "$watcher" || true
  cat "$lines"
  rm -f "$lines"
}

if ! $detach && [ -t 1 ]; then
  say "the restated sheet of 15 October follows in 3 seconds; Ctrl-C ends"
  (sleep 3; exec "$parbus" push --wait "$restatement" >/dev/null 2>&1) &
  trap : INT # Ctrl-C ends the watch, not this script
  "$parbus" watch "$index" "$period" || true
  say "To leave it running: compose/up.sh --detach"
  exit 0
fi
say "pushing the restated sheet of 15 October while watching:"
push_while_watched
"$parbus" rank "$index" "$period"

if $detach; then
  started=false
  say ""
  say "The pipeline runs in $PARBUS_DIR. Next, for example:"
  say "  export PATH=$root/build/release/bin:\$PATH PARBUS_DIR=$PARBUS_DIR"
  say "  parbus watch $index $period                      the ranking as it moves"
  say "  parbus explain $index $period 'Hà Nội'           where every point comes from"
  say "  parbus replay                                recompute everything and compare"
  say "  parbus status"
  say "  parbus down"
fi
