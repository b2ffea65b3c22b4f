# shellcheck shell=bash
# Sourced: a Docker engine of our own, which knows nothing of any other on this machine and leaves nothing behind; and a
# base image that no registry has to give.

# shellcheck disable=SC2034
engine_packages=(docker.io docker-compose debootstrap)

# engine_start PLACE: everything of the engine is in there. It reaches no network but this machine's, and changes neither
# its packet filter nor its mounts.
engine_start() {
  local place=$1
  export DOCKER_HOST=unix://$place/socket
  mkdir -p "$place"
  unshare --mount dockerd --data-root "$place/data" --exec-root "$place/exec" --pidfile "$place/pid" --host "$DOCKER_HOST" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false >"$place/log" 2>&1 &
  engine_pid=$!
  for _ in $(seq 300); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$engine_pid" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

engine_stop() {
  [ -n "${engine_pid-}" ] || return 0
  kill "$engine_pid" 2>/dev/null
  wait "$engine_pid" 2>/dev/null
  engine_pid=
}

# base_image TAG ARCHIVE: Debian 12 as small as it gets; made once, then kept in ARCHIVE.
base_image() {
  local tag=$1 archive=$2 tree
  if [ ! -f "$archive" ]; then
    tree=$(mktemp -d "${TMPDIR:-/tmp}/parbus-base-XXXXXX") || return
    mkdir -p "$(dirname "$archive")"
    debootstrap --variant=minbase bookworm "$tree" >"$tree.log" 2>&1 &&
      tar -C "$tree" --exclude=./var/cache/apt/archives --exclude=./var/lib/apt/lists -cf "$archive.part" . &&
      mv "$archive.part" "$archive"
    [ -f "$archive" ] || tail -n 5 "$tree.log" >&2
    rm -rf "$tree" "$tree.log"
  fi
  [ -f "$archive" ] && docker import "$archive" "$tag" >/dev/null
}
