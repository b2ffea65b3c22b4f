#!/usr/bin/env bash
# compose/ for real: builds the image, starts one container per process with three scorers, pushes the sample data from
# outside while containers crash and disappear, and compares every ranking with that of a pipeline which nobody disturbed.
# It starts a Docker engine of its own and takes everything away again.
#
#   tests/compose/run.sh
#
# Exit status 77: skipped, because no engine can be started here; the last line says why. The first run takes about three
# minutes; later ones have the base image in build/compose/.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/compose/packages.sh"
. "$root/tests/compose/engine.sh"

scorers=3
export PARBUS_BASE=debian:bookworm-slim PARBUS_IMAGE=parbus:test PARBUS_NOFILE
PARBUS_NOFILE=$(ulimit -Hn)
[ "$PARBUS_NOFILE" != unlimited ] && [ "$PARBUS_NOFILE" -le 65536 ] || PARBUS_NOFILE=65536

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
skip() { echo "SKIPPED: $*"; exit 77; }
fail() {
  echo "FAILED: $*"
  docker ps --all --format '{{.Names}} {{.Status}}' 2>/dev/null
  compose logs --no-color --tail 5 2>/dev/null
  exit 1
}

compose() { docker-compose --ansi never --project-name parbus --file "$root/compose/docker-compose.yml" "$@"; }

clean_up() {
  local status=$?
  rm -f "$place/go-on"
  [ -z "${engine_pid-}" ] || compose down --volumes --timeout 2 >/dev/null 2>&1
  engine_stop
  rm -rf "$place"
  exit "$status"
}

# until_true SECONDS WHAT COMMAND…
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "not in time: $what"
    sleep 0.1
  done
}

# ---- one container ----

container() { echo "parbus_$1"; }
process_of() { docker inspect --format '{{.State.Pid}}' "$(container "$1")"; }
instance_of() { echo "scorer-$(docker inspect --format '{{.Config.Hostname}}' "$(container "$1")")"; }
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$(container "$1")")" = healthy ]; }
ingestor_says() { docker exec "$(container ingestor_1)" parbus health "$@"; }
all_owned() { ingestor_says | grep -q ' 0 entries behind, 0 partitions without a scorer'; }
owns_nothing() { ! (ingestor_says || true) | grep -q "^$1 .* live"; }

# crash NAME: its process dies, and the restart policy brings it back.
crash() {
  local before
  before=$(process_of "$1")
  kill -KILL "$before" || fail "$1 does not run"
  until_true 30 "$1 runs again" is_another_process "$1" "$before"
  until_true 30 "every partition has a scorer after $1 crashed" nothing_unowned
  say "$1 crashed, and is back"
}
is_another_process() { local now; now=$(process_of "$1") && [ "$now" != 0 ] && [ "$now" != "$2" ]; }
nothing_unowned() { ingestor_says | grep -q ' 0 partitions without a scorer'; }

# Not root, no capability, no way to one, and nothing to write to but its data and /tmp.
has_little() {
  docker exec "$(container "$1")" sh -c '
    [ "$(id -u)" != 0 ] && ! touch /usr/local/x /x 2>/dev/null &&
    grep -q "^CapEff:[[:space:]]*0*$" /proc/self/status && grep -q "^CapBnd:[[:space:]]*0*$" /proc/self/status &&
    grep -q "^NoNewPrivs:[[:space:]]*1$" /proc/self/status' || fail "$1 has more rights than it needs"
}

# ---- data ----

# "index period", each once, from the sample data.
series() {
  awk -F, '/^#/ || !NF { next }
           $1 == "index" && $2 == "period" { next }
           !seen[$1 FS $2]++ { print $1, $2 }' "$root"/catalog/data/*.csv
}

# Run inside: `parbus rank` of every series on standard input.
# shellcheck disable=SC2016
print_rankings='while read -r index period; do echo "$index $period"; parbus rank "$index" "$period" --format csv || exit 1; done'

undisturbed() {
  series | docker run --rm --interactive --network none --volume "$root/catalog/data:/in:ro" "$PARBUS_IMAGE" sh -c "
    parbus up --detach --scorers 1 >/dev/null && parbus push --wait /in/*.csv >&2 && $print_rankings && parbus down >/dev/null"
}

rankings() { series | compose exec -T "$1" sh -c "$print_rankings"; }

# Who comes over TCP has a key, made inside and handed over.
make_key() {
  compose exec -T ingestor sh -c 'parbus keys new outside --out /data/outside.context --door tcp://127.0.0.1:5700 \
      --feed tcp://127.0.0.1:5701 --snapshots tcp://127.0.0.1:5702 >&2 &&
      for verb in submit appraise ballots feed; do parbus access grant outside $verb >&2 || exit 1; done &&
      cat /data/outside.context && rm /data/outside.context' >"$place/context" ||
    fail "parbus keys new"
}

# A feeder that sees nothing of the pipeline but its TCP port: all files, row by row, again and again until told to stop.
push_from_outside() {
  docker run --rm --interactive --name outside --network host --volume "$root/catalog/data:/in:ro" --volume "$place:/place:ro" \
    "$PARBUS_IMAGE" sh -c 'umask 077; cat >/tmp/context; rounds=0
      while [ $rounds = 0 ] || [ -f /place/go-on ]; do
        parbus push --context /tmp/context --batch 1 --wait /in/*.csv || exit 1
        rounds=$((rounds + 1))
      done
      echo "all files, row by row, $rounds times"' <"$place/context" >"$place/pushed" 2>&1
}

watch_from_outside() {
  docker run --rm --interactive --network host "$PARBUS_IMAGE" sh -c \
    'umask 077; cat >/tmp/context; parbus watch "$@" --once --format csv --context /tmp/context' sh "$@" <"$place/context"
}

same_rankings() {
  rankings "$1" >"$place/rankings" || fail "parbus rank in $1"
  diff -u "$place/undisturbed" "$place/rankings" >"$place/diff" || { head -n 20 "$place/diff"; fail "another ranking $2"; }
  say "all $(series | wc -l) rankings are the same $2"
}

# ---- the test, in its parts ----

prepare() {
  [ "$(id -u)" -eq 0 ] || skip "an engine can be started by root only"
  for port in 5700 5701 5702; do
    ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || skip "something listens on port $port already"
  done
  install_packages "${engine_packages[@]}" || skip "no Docker engine, and its packages cannot be installed"
  engine_start "$place/engine" || { tail -n 3 "$place/engine/log"; skip "the Docker engine does not start"; }
  base_image "$PARBUS_BASE" "$root/build/compose/base.tar" || skip "no base image: debootstrap does not work here"
  say "the engine runs, and has a base image"
}

build() {
  docker build --network host --build-arg "BASE=$PARBUS_BASE" --file "$root/compose/Dockerfile" --tag "$PARBUS_IMAGE" "$root" \
    >"$place/build.log" 2>&1 || { tail -n 30 "$place/build.log"; fail "docker build"; }
  local bytes base
  bytes=$(docker image inspect --format '{{.Size}}' "$PARBUS_IMAGE") base=$(docker image inspect --format '{{.Size}}' "$PARBUS_BASE")
  say "built: $((bytes / 1000000)) MB, of which $((base / 1000000)) MB are the base image"
  [ "$(docker run --rm --network none "$PARBUS_IMAGE" id -u)" != 0 ] || fail "the image runs as root"
}

start() {
  compose up --detach --no-build --scale scorer=$scorers >"$place/up.log" 2>&1 || { cat "$place/up.log"; fail "docker-compose up"; }
  for name in ingestor_1 publisher_1 validator_1 $(seq -f scorer_%.0f $scorers); do
    until_true 60 "$name is healthy" is_healthy "$name"
  done
  until_true 30 "every partition has a scorer" all_owned
  for name in ingestor_1 publisher_1 validator_1 scorer_1; do has_little "$name"; done
  [ -s "$place/context" ] || make_key # a journal that was restored knows it
  say "seven containers run, and are healthy"
}

feed_on() {
  touch "$place/go-on"
  push_from_outside &
  feeder=$!
  until_true 30 "something is pushed" something_is_behind
}
something_is_behind() { ! ingestor_says | grep -q ' 0 entries behind'; }

feed_no_more() {
  kill -0 "$feeder" 2>/dev/null || { cat "$place/pushed"; fail "the feeder ended too early"; }
  rm "$place/go-on"
  wait "$feeder" || { tail -n 20 "$place/pushed"; fail "the feeder outside"; }
  say "pushed from outside meanwhile: $(tail -n 1 "$place/pushed")"
  until_true 30 "everything is in the ranking" all_owned
}

disturb() {
  feed_on
  crash scorer_1
  crash ingestor_1
  crash validator_1
  crash publisher_1
  docker kill "$(container scorer_2)" >/dev/null || fail "docker kill"
  until_true 30 "the other scorers have taken everything over" owns_nothing "$(instance_of scorer_2)"
  until_true 30 "every partition has a scorer" nothing_unowned
  say "scorer_2 was killed for good, and the others do its work"
  feed_no_more
}

compare() {
  same_rankings ingestor "after the crashes"
  compose exec -T ingestor parbus replay >"$place/replay" || { cat "$place/replay"; fail "parbus replay"; }
  watch_from_outside qd766 2025 >"$place/watched" || fail "parbus watch from outside"
  compose exec -T ingestor parbus rank qd766 2025 --format csv | diff - "$place/watched" || fail "the feed shows another table"
  say "the journal replays to the same; the feed shows the same outside"
}

# Health is asked of the work loop: a process that hangs still exists, and its sockets still answer.
hang() {
  local process instance
  process=$(process_of scorer_3) instance=$(instance_of scorer_3)
  ingestor_says "$instance" >/dev/null || fail "$instance is not healthy before it hangs"
  kill -STOP "$process"
  until_true 20 "$instance counts as unhealthy while it hangs" is_unwell "$instance"
  kill -CONT "$process"
  until_true 20 "$instance is healthy when it goes on" ingestor_says "$instance"
  say "a scorer that hangs is unhealthy, and healthy again when it wakes"
}
is_unwell() { ! ingestor_says "$1"; }

foreign_namespace() {
  local words
  words=$(docker run --rm --network none --volume parbus_data:/data "$PARBUS_IMAGE" parbus rank qd766 2025 2>&1) && fail "a foreign PID namespace is let in"
  case $words in *'PID namespace'*) ;; *) fail "a foreign PID namespace is refused with other words: $words" ;; esac
  say "a container in another PID namespace is refused, and told why"
}

scale() {
  compose up --detach --no-build --no-recreate --scale "scorer=$1" >/dev/null 2>&1 || fail "docker-compose up --scale scorer=$1"
  until_true 30 "$1 scorers are live" are_live "$1"
  until_true 30 "every partition has a scorer" all_owned
  say "scaled to $1 scorers"
}
are_live() { [ "$(ingestor_says | grep -c '^scorer-.* live')" = "$1" ]; }

# Another image under the same name, while a feeder goes on.
upgrade() {
  local pause
  pause=$(docker inspect --format '{{.Id}}' "$(container pause_1)")
  docker build --network host --build-arg "BASE=$PARBUS_BASE" --file "$root/compose/Dockerfile" --tag "$PARBUS_IMAGE" \
    --label upgraded=yes "$root" >/dev/null 2>&1 || fail "docker build of the upgrade"
  feed_on
  compose up --detach --no-build --scale scorer=2 >"$place/up.log" 2>&1 || { cat "$place/up.log"; fail "the upgrade"; }
  until_true 60 "everything is the new image" are_upgraded
  until_true 30 "every partition has a scorer" nothing_unowned
  feed_no_more
  [ "$(docker inspect --format '{{.Id}}' "$(container pause_1)")" = "$pause" ] || fail "the upgrade took the PID namespace away"
  same_rankings ingestor "after an upgrade under load"
}
are_upgraded() { [ "$(docker ps --filter label=upgraded=yes --filter volume=parbus_data --quiet | wc -l)" = 5 ]; }

stop() {
  local began=$SECONDS code
  compose stop >/dev/null 2>&1 || fail "docker-compose stop"
  for code in $(docker ps --all --filter volume=parbus_data --format '{{.Status}}' | sed 's/^Exited (\([0-9]*\)).*/\1/'); do
    [ "$code" = 0 ] || fail "a process did not stop in good order: exit status $code"
  done
  say "stopped in good order in $((SECONDS - began)) s"
}

# As OPERATIONS.md says: copied while a feeder goes on, and put into a new volume.
back_up_and_restore() {
  mkdir -m 777 "$place/backup"
  feed_on
  compose run --rm -T --volume "$place/backup:/backup" validator parbus backup /backup/first >"$place/said" 2>&1 ||
    { cat "$place/said"; fail "parbus backup"; }
  feed_no_more
  same_rankings ingestor "after a backup under load"
  compose run --rm -T --volume "$place/backup:/backup" validator parbus backup /backup/second >"$place/said" 2>&1 ||
    { cat "$place/said"; fail "parbus backup"; }
  words=$(compose run --rm -T --volume "$place/backup:/backup:ro" validator parbus restore /backup/second --replace 2>&1) &&
    fail "restored while everything runs"
  stop
  compose down --volumes >/dev/null 2>&1 || fail "docker-compose down"
  compose run --rm -T --volume "$place/backup:/backup:ro" validator parbus restore /backup/second >"$place/said" 2>&1 ||
    { cat "$place/said"; fail "parbus restore"; }
  start
  same_rankings ingestor "after a restore"
}

place=$(mktemp -d "${TMPDIR:-/tmp}/parbus-compose-XXXXXX")
chmod 755 "$place"
trap clean_up EXIT
trap 'exit 1' INT TERM

prepare
build
undisturbed >"$place/undisturbed" 2>"$place/errors" || { cat "$place/errors"; fail "the pipeline that nobody disturbs"; }
say "one container without disturbance: $(grep -c , "$place/undisturbed") lines of rankings"
start
disturb
compare
hang
foreign_namespace
scale 4
scale 2
upgrade
back_up_and_restore
say "passed"
