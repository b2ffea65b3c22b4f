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

say "pushing the sample data …"
"$parbus" push --wait "$root"/catalog/data/*.csv
"$parbus" rank "$index" "$period"

if $detach; then
  started=false
  say ""
  say "The pipeline runs in $PARBUS_DIR. Next, for example:"
  say "  export PATH=$root/build/release/bin:\$PATH PARBUS_DIR=$PARBUS_DIR"
  say "  parbus watch $index $period                  the ranking as it moves"
  say "  parbus explain $index $period 'Hà Nội'       where every point comes from"
  say "  parbus load                                how fast this machine is"
  say "  parbus status"
  say "  parbus down"
elif [ -t 1 ]; then
  trap : INT # Ctrl-C ends the watch, not this script
  "$parbus" watch "$index" "$period" || true
fi
