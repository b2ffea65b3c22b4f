# shellcheck shell=bash disable=SC2034
# Sourced: the Debian packages that parbus needs, and how they get here.

packages_build=(gcc libc6-dev cmake ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libzmq3-dev liblmdb-dev
  libyaml-dev libutf8proc-dev libjansson-dev libcsv-dev libsodium-dev)
packages_test=(g++ iproute2 libcriterion-dev libncurses-dev libuv1-dev protobuf-compiler python3 python3-protobuf python3-zmq systemd tcpdump)
packages_check=(clang clang-tidy cppcheck llvm)

missing_packages() {
  local package
  for package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

apt_install() {
  as_root apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@" >/dev/null
}

# Installs what is missing of the packages named; asks the network only when something is.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "These Debian packages are needed, and there is no apt-get here: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "Run this as root, or install these packages first: ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${missing[*]}" >&2
  # The lists of packages may be absent (a fresh image) or older than what the mirrors hold.
  if [ -n "$(apt-cache policy "${missing[0]}" 2>/dev/null)" ] && apt_install "${missing[@]}" 2>/dev/null; then
    return 0
  fi
  as_root apt-get -o DPkg::Lock::Timeout=120 update -qq && apt_install "${missing[@]}"
}

# build_preset ROOT PRESET [OPTION…]: configures, with further options for cmake, and builds in ROOT/build/PRESET.
build_preset() {
  local root=$1 preset=$2 cache=$1/build/$2/CMakeCache.txt log
  # A tree that was copied or moved has a build directory that belongs to another place.
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$(realpath "$root")" "$cache"; then
    rm -rf "${root:?}/build/$preset"
  fi
  log=$(mktemp)
  shift 2
  if ! (cd "$root" && cmake --preset "$preset" "$@" && cmake --build --preset "$preset" --parallel "${PARBUS_JOBS:-2}") >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    echo "the build failed" >&2
    return 1
  fi
  rm -f "$log"
}
