#!/bin/sh
# Installs Muster from a hub, and joins this machine to it with a setup token:
#
#   curl -fsSL HUB/install.sh | sh -s -- TOKEN
#   curl -fsSL HUB/install.sh | TOKEN=mst1_... sh
#   curl -fsSL HUB/install.sh | sh -s -- --token-file FILE
#
# Without a token it installs and says how to join. Running it again upgrades.
#
#   --hub URL      another hub than the one this script came from
#   --ca FILE      certificate of the authority (PEM) behind the hub's own, where it is not a public one
#   --insecure     accept plain http to a hub that is not on this machine
#   --name NAME, --kind KIND, --location TEXT, --replace, --no-service: as for `muster init`
#
# The rule: POSIX sh without `local`, and nothing happens before the last line, so that a script that was cut
# on its way does nothing. The hub puts one line before this one, MUSTER_HUB_URL='its own address'.

main() {
  set -eu
  work=
  trap 'clean' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  hub=${MUSTER_HUB_URL:-}
  token=${TOKEN:-}
  token_file=
  insecure=
  ca=
  unset TOKEN
  left=$#
  while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    case $argument in
      --hub | --token | --token-file | --ca | --name | --kind | --location)
        [ "$left" -gt 0 ] || misused "$argument needs a value"
        value=$1
        shift
        left=$((left - 1))
        case $argument in
          --hub) hub=${value%/} ;;
          --token) token=$value ;;
          --token-file) token_file=$value ;;
          --ca) ca=$value ;;
          *) set -- "$@" "$argument" "$value" ;;
        esac
        ;;
      --insecure) insecure=yes ;;
      --replace | --no-service) set -- "$@" "$argument" ;;
      -*) misused "unknown option: $argument" ;;
      *) token=$argument ;;
    esac
  done
  find_platform
  check_token
  check_hub
  find_tools
  find_place
  fetch_program
  put_in_place
  join "$@"
}

check_token() {
  if [ -n "$token_file" ]; then
    token=
    [ -r "$token_file" ] || fail "can't read the token from $token_file"
    # `read` says 1 for a file without a last line break, and has read it all the same.
    IFS= read -r token <"$token_file" || [ -n "$token" ] || fail "$token_file is empty"
  fi
  case $token in
    '') ;;
    *[!A-Za-z0-9_-]*) misused "that is no setup token: one begins with mst1_ and is one long word" ;;
    mst1_* | mrc1_*) ;;
    *) misused "that is no setup token: one begins with mst1_ and is one long word" ;;
  esac
}

check_hub() {
  case $hub in
    '') misused "no hub: give its address with --hub https://..." ;;
    https://* | http://*) ;;
    *) misused "\"$hub\" is no address of a hub: one looks like https://muster.example.com" ;;
  esac
  host=${hub#*://}
  case $host in
    '' | *[!A-Za-z0-9.:\[\]-]*) misused "\"$hub\" is no address of a hub: give scheme, host and port alone" ;;
  esac
  case $host in
    \[*) host=${host%%\]*}] ;;
    *) host=${host%%:*} ;;
  esac
  [ -z "$ca" ] || [ -r "$ca" ] || fail "can't read the authority's certificate from $ca"
  case $hub in https://*) return ;; esac
  [ -z "$insecure" ] || return 0
  case $host in
    localhost | *.localhost | '[::1]') return ;;
    127.*) case $host in *[!0-9.]*) ;; *) return ;; esac ;;
  esac
  fail "$hub is plain http, which anyone on the way can read and change" \
    "use the hub's https address, or accept the risk with --insecure"
}

find_platform() {
  OS=$(uname -s)
  ARCH=$(uname -m)
  case $OS in
    Darwin)
      # A shell that Rosetta translates is told x86_64.
      if [ "$ARCH" = x86_64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" = 1 ]; then
        ARCH=arm64
      fi
      case $ARCH in
        x86_64 | arm64) platform=darwin-$ARCH ;;
        *) refuse "Unsupported Mac architecture: $ARCH" ;;
      esac
      ;;
    Linux)
      case $ARCH in
        x86_64) platform=linux-x86_64 ;;
        aarch64)
          # Raspberry Pi OS puts 32-bit programs on a 64-bit kernel.
          [ "$(getconf LONG_BIT 2>/dev/null || :)" != 32 ] || refuse "No build for linux-armv7 yet (needs 64-bit)"
          platform=linux-arm64
          ;;
        armv7l) refuse "No build for linux-armv7 yet (needs 64-bit)" ;;
        *) refuse "Unsupported Linux architecture: $ARCH" ;;
      esac
      ;;
    *) refuse "Unsupported OS: $OS" ;;
  esac
}

find_tools() {
  if has curl; then
    fetcher=curl
  elif has wget; then
    fetcher=wget
    case $(wget --version 2>/dev/null || :) in
      *'GNU Wget'*) fetcher=gnu_wget ;;
    esac
    case $fetcher$hub in
      # It takes any certificate.
      wgethttps://*) fail "this wget can't tell the hub from an impostor" "install curl and run this again" ;;
    esac
  else
    fail "neither curl nor wget is here" "install curl and run this again"
  fi
  if has sha256sum; then
    hasher=sha256sum
  elif has shasum; then
    hasher=shasum
  elif has openssl; then
    hasher=openssl
  else
    fail "nothing here can check a SHA-256" "install one of sha256sum, shasum, openssl and run this again"
  fi
}

find_place() {
  [ -n "${HOME:-}" ] || fail "HOME is not set" "set it to this user's home folder and run this again"
  home=${MUSTER_HOME:-$HOME/.muster}
  link_folder=$HOME/.local/bin
  if [ "$(id -u)" = 0 ] && [ -z "${MUSTER_HOME:-}" ]; then
    # A service of the whole machine keeps its state there.
    home=/var/lib/muster
    folder=/opt/muster/bin
    link_folder=/usr/local/bin
    make_folder 755 "$folder"
  else
    folder=$home/bin
    make_folder 700 "$home"
    make_folder 700 "$folder"
  fi
  program=$folder/muster
  [ ! -d "$program" ] || fail "$program is a folder" "move it away and run this again"
  work=$(mktemp -d "$folder/.install.XXXXXX") || not_writable "$folder"
}

make_folder() {
  [ ! -d "$2" ] || return 0
  (umask 022 && mkdir -p "$2") || not_writable "$2"
  chmod "$1" "$2" || not_writable "$2"
}

not_writable() {
  fail "this user ($(id -un 2>/dev/null || id -u)) can't write to $1" \
    "run this as the user whose machine it is, or choose a folder with MUSTER_HOME"
}

fetch_program() {
  fetch "$hub/download/$platform.sha256" "$work/checksum" quiet || cant_fetch
  wanted=
  IFS= read -r wanted <"$work/checksum" || :
  check_checksum
  changed=
  if [ -f "$program" ] && [ "$(sha256_of "$program")" = "$wanted" ]; then
    say "$program is up to date."
    return
  fi
  changed=yes
  say "Downloading Muster for $platform from $hub"
  fetch "$hub/download/$platform" "$work/muster" || cant_fetch
  found=$(sha256_of "$work/muster")
  [ "$found" = "$wanted" ] || fail "the download is not the program that the hub announced (SHA-256 $found)" \
    "it may have been cut or changed on its way, or the hub was upgraded just now: run this again"
  chmod 755 "$work/muster"
  "$work/muster" version </dev/null >"$work/version" 2>&1 ||
    fail "the program does not run on this system: $(first_line "$work/version")" \
      "it needs glibc 2.31 or later on Linux (Ubuntu 20.04, Debian 11); Alpine has none"
}

# 64 digits of hex, and nothing else: no checksum, no install.
check_checksum() {
  case $wanted in
    *'<'*)
      fail "what answers at $hub is no Muster hub: it sent a web page" \
        "on a guest network, sign in to it first; else check the address"
      ;;
    *[!0-9a-f]*) wanted= ;;
  esac
  [ ${#wanted} -eq 64 ] || fail "$hub sent no checksum for $platform, so nothing was installed" \
    "on a guest network, sign in to it first; else check the address"
}

cant_fetch() {
  case $fetcher$status in
    curl60 | curl77 | gnu_wget5)
      fail "$hub has a certificate of an authority that this machine does not know" \
        "where it is your own authority, give its certificate: --ca FILE"
      ;;
  esac
  fail "can't get the program for $platform from $hub" \
    "check that this machine is online; $hub/download/$platform says what the hub has"
}

fetch() {
  status=0
  case $fetcher in
    curl)
      if [ "${3:-}" = quiet ] || [ ! -t 2 ]; then show=-sS; else show=--progress-bar; fi
      case $(curl -V) in *libz*) compressed=--compressed ;; *) compressed= ;; esac
      # shellcheck disable=SC2086 # one option or none
      curl -f "$show" $compressed ${ca:+--cacert "$ca"} --connect-timeout 15 --speed-limit 1 --speed-time 120 \
        -o "$2" "$1" || status=$?
      ;;
    gnu_wget)
      wget -q -t 2 -T 120 --max-redirect=0 ${ca:+--ca-certificate="$ca"} -O "$2" "$1" || status=$?
      ;;
    # Some builds of busybox know no -T, and crash on it.
    wget) wget -q -O "$2" "$1" || status=$? ;;
  esac
  return "$status"
}

sha256_of() {
  case $hasher in
    sha256sum) sha256sum <"$1" | cut -c 1-64 ;;
    shasum) shasum -a 256 <"$1" | cut -c 1-64 ;;
    openssl) openssl dgst -sha256 -r <"$1" | cut -c 1-64 ;;
  esac
}

put_in_place() {
  if [ -n "$changed" ]; then
    mv -f "$work/muster" "$program" || not_writable "$folder"
    say "Installed $(first_line "$work/version") as $program"
  fi
  link=$link_folder/muster
  if [ -L "$link" ] || [ ! -e "$link" ]; then
    # Without it all works by the whole path.
    (umask 022 && mkdir -p "$link_folder" && ln -sf "$program" "$link") 2>/dev/null || link=
  elif ! cmp -s "$program" "$link"; then
    say "$link is another program and was left alone; this one is $program"
    link=
  fi
  command=$program
  [ -z "$link" ] || case :${PATH:-}: in
    *":$link_folder:"*) command=muster ;;
    *) say "To call it as muster, put $link_folder into PATH: export PATH=\"$link_folder:\$PATH\"" ;;
  esac
}

join() {
  before=
  ! joined_here || before=yes
  if [ -n "$token" ]; then
    [ -z "$insecure" ] || set -- "$@" --insecure
    [ -z "$ca" ] || set -- "$@" --ca "$ca"
    # The token is read from standard input, where no list of processes shows it. Of a machine that has joined
    # already nothing is asked but to finish what an earlier run did not.
    "$program" init "$hub" --token - --yes "$@" <<END
$token
END
  elif [ -z "$before" ]; then
    say "Join this machine to the hub: $command init $hub${ca:+ --ca $ca}"
  else
    say "This machine has joined $hub already."
  fi
  [ -z "$before" ] || [ -z "$changed" ] || "$program" service restart </dev/null >/dev/null 2>&1 ||
    say "An agent that runs here goes on with the old program until it is started again."
}

joined_here() {
  [ -f "$home/hub.json" ] || return 1
  case $(cat "$home/hub.json") in
    *"\"hub_url\": \"$hub\""*) return 0 ;;
    *) return 1 ;;
  esac
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Of text that comes from elsewhere: without what a terminal would obey.
first_line() {
  head -n 1 "$1" | LC_ALL=C tr -d '\000-\037\177' | cut -c 1-200
}

say() {
  printf '%s\n' "$1"
}

refuse() {
  printf '%s\n' "$1" >&2
  exit 1
}

fail() {
  printf 'muster: error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'muster: hint: %s\n' "$2" >&2
  exit 1
}

misused() {
  printf 'muster: error: %s\n' "$1" >&2
  exit 2
}

clean() {
  [ -z "$work" ] || rm -rf "$work"
}

# In braces, so that half of this line is no call either.
{ main "$@"; }
