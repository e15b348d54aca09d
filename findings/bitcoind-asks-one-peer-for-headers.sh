#!/usr/bin/env bash
# bitcoin-knots 29.4.knots20260508.3-1 from Debian sid (the code is that of Bitcoin Core): a node without blocks asks one peer for headers, and no other for
# fifteen minutes. Two nodes without blocks that are connected first have asked each other: they stay at height 0, connected with a third
# node that has five blocks, although that one reports its height in the handshake. One new block ends it at once.
#
# A good engineer would expect that a node asks each new peer that has more blocks. On regtest without mining, nothing ends it sooner:
# nodes that start together, or a partition without blocks that ends, are behind for fifteen minutes.
#
# Seen: after 30 s "A 0 B 0 C 5", synced_headers of C at A is -1; after one more block "A 6 B 6 C 6".
#
# Needs Debian's apt and dpkg-deb, installs nothing: the packages are unpacked in a temporary folder. Fails when the behaviour changes.
set -euo pipefail
package=29.4.knots20260508.3-1
dir=$(mktemp -d)
nodes=()
finish() {
  ((${#nodes[@]} == 0)) || kill "${nodes[@]}" 2>/dev/null || true
  wait
  rm -rf "$dir"
}
trap finish EXIT

# apt with a state of its own: the suite sid of the mirror that this machine uses.
# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/*$')
mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,root}
touch "$dir/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$dir/sources.list"
apt() {
  apt-get -qq -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" -o Dir::Etc::sourcelist="$dir/sources.list" \
    -o Dir::Etc::sourceparts=- -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root "$@"
}
apt update
apt install --yes --no-install-recommends --download-only "bitcoin-knots=$package" >/dev/null
for deb in "$dir"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
loader=$(find "$dir/root" -name 'ld-linux-*' -o -name 'ld-musl-*' | head -n 1)
libraries=$(find "$dir/root" -name 'libc.so.6' -printf '%h\n' | head -n 1)
run() { "$loader" --library-path "$libraries" "$dir/root/usr/bin/$1" "${@:2}"; }

start() { # NAME NUMBER
  mkdir "$dir/$1"
  "$loader" --library-path "$libraries" "$dir/root/usr/bin/bitcoind" -regtest -datadir="$dir/$1" -listenonion=0 -dnsseed=0 -discover=0 -softwareexpiry=0 -printtoconsole=0 \
    -bind="127.0.0.1:$((19000 + $2))" -rpcport="$((19100 + $2))" &
  nodes+=($!)
  ports[$1]=$2
  cli "$1" -rpcwait -rpcwaittimeout=60 getblockcount >/dev/null
}
declare -A ports
cli() { run bitcoin-cli -regtest -datadir="$dir/$1" -rpcport="$((19100 + ports[$1]))" "${@:2}"; }
connect() { # FROM TO: until the handshake is over
  local limit=$((SECONDS + 30))
  cli "$1" addnode "127.0.0.1:$((19000 + ports[$2]))" onetry
  until cli "$1" getpeerinfo | grep -q "\"addr\": \"127.0.0.1:$((19000 + ports[$2]))\""; do
    ((SECONDS < limit)) || { echo "$1 does not connect with $2" >&2; exit 2; }
    sleep 0.2
  done
  sleep 1
}
heights() { echo "A $(cli A getblockcount) B $(cli B getblockcount) C $(cli C getblockcount)"; }

start A 1
start B 2
start C 3
cli C generatetodescriptor 5 'raw(51)' >/dev/null
connect A B
connect A C
connect B C
sleep 30
seen=$(heights)
echo "after 30 s: $seen; what A knows of C: $(cli A getpeerinfo | grep -m2 'synced_headers' | tail -n 1 | tr -d ' ,')"
[[ $seen == 'A 0 B 0 C 5' ]] || { echo "the behaviour has changed" >&2; exit 1; }
cli C generatetodescriptor 1 'raw(51)' >/dev/null
for _ in $(seq 50); do
  seen=$(heights)
  [[ $seen != 'A 6 B 6 C 6' ]] || break
  sleep 0.2
done
echo "after one more block: $seen"
[[ $seen == 'A 6 B 6 C 6' ]] || { echo "the behaviour has changed" >&2; exit 1; }
