#!/usr/bin/env bash
# bitcoin-knots 29.4.knots20260508.3-1 from Debian sid (the code is that of Bitcoin Core): a wallet that is loaded while its node gets blocks again that the
# wallet knew before may miss the coins of these blocks. The balance stays too low when the node has all blocks, and when the wallet is
# unloaded and loaded again; rescanblockchain finds the coins.
#
# It happens after a kill: the chain on the disk is that of the last flush, the wallet's best block is written with each block, and the
# node gets the blocks between from its peers while the wallet is loaded. A good engineer would expect the balance to be right as soon as
# the node has caught up, as it is when the same wallet is loaded before the node is connected with its peer, or when it has caught up.
#
# Seen in the first or the second round: "301 blocks, balance 4900.00000000 of 5050; loaded again 4900.00000000; after rescanblockchain
# 5050.00000000". A change that was proposed to Bitcoin Core in 2026 (pull request 35294) moves the comparison that is too early.
#
# Needs Debian's apt and dpkg-deb, installs nothing: the packages are unpacked in a temporary folder. Fails when 40 rounds end with the
# right balance, or when it is wrong although the wallet was loaded before or after.
set -euo pipefail
package=29.4.knots20260508.3-1
dir=$(mktemp -d)
declare -A nodes
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

declare -A ports=([A]=1 [B]=2)
start() { # NAME
  mkdir -p "$dir/$1"
  "$loader" --library-path "$libraries" "$dir/root/usr/bin/bitcoind" -regtest -datadir="$dir/$1" -listenonion=0 -dnsseed=0 -discover=0 -softwareexpiry=0 -printtoconsole=0 \
    -checkblockindex=0 -fastprune=1 -keypool=10 -bind="127.0.0.1:$((19000 + ports[$1]))" -rpcport="$((19100 + ports[$1]))" &
  nodes[$1]=$!
  cli "$1" -rpcwait -rpcwaittimeout=60 getblockcount >/dev/null
}
cli() { "$loader" --library-path "$libraries" "$dir/root/usr/bin/bitcoin-cli" -regtest -datadir="$dir/$1" -rpcport="$((19100 + ports[$1]))" "${@:2}"; }
wallet() { cli B -rpcwallet=savings "$@"; }
connect() { cli B addnode "127.0.0.1:19001" onetry; }
has() { # NAME HEIGHT
  local limit=$((SECONDS + 60))
  until [[ $(cli "$1" getblockcount) == "$2" ]]; do
    ((SECONDS < limit)) || { echo "$1 does not get to height $2" >&2; exit 2; }
    sleep 0.05
  done
}

round() { # WHEN the wallet is loaded: before, after or while the node catches up
  for name in "${!nodes[@]}"; do
    kill -KILL "${nodes[$name]}"
    wait "${nodes[$name]}" 2>/dev/null || true
    rm -rf "${dir:?}/$name"
  done
  start A
  start B
  connect
  cli B createwallet savings >/dev/null
  local address
  address=$(wallet getnewaddress)
  cli B generatetoaddress 97 "$address" >/dev/null
  # Writes the chain to the disk.
  cli B gettxoutsetinfo none >/dev/null
  cli B generatetoaddress 4 "$address" >/dev/null
  has A 101
  kill -KILL "${nodes[B]}"
  wait "${nodes[B]}" 2>/dev/null || true
  cli A generatetodescriptor 200 'raw(51)' >/dev/null
  start B
  has B 97
  case $1 in
    before) cli B loadwallet savings >/dev/null && connect ;;
    after) connect && has B 301 && cli B loadwallet savings >/dev/null ;;
    while)
      # 0 to 190 ms later, since it depends on the machine when the blocks come.
      connect
      sleep "0.$(printf %02d $((number % 20)))"
      cli B loadwallet savings >/dev/null
      ;;
  esac
  has B 301
  # Waits for the wallet to have the block.
  balance=$(wallet getbalance)
}

for when in before after; do
  for _ in 1 2 3; do
    round "$when"
    [[ $balance == 5050.00000000 ]] || { echo "loaded $when the node catches up: balance $balance of 5050" >&2; exit 1; }
  done
done
echo "loaded before or after the node catches up: balance 5050.00000000 of 5050"
for number in $(seq 40); do
  round while
  [[ $balance == 5050.00000000 ]] || break
done 2>/dev/null
[[ $balance != 5050.00000000 ]] || { echo "$number rounds ended with the right balance: the behaviour has changed" >&2; exit 1; }
cli B unloadwallet savings >/dev/null
cli B loadwallet savings >/dev/null
again=$(wallet getbalance)
wallet rescanblockchain >/dev/null
rescanned=$(wallet getbalance)
echo "round $number: 301 blocks, balance $balance of 5050; loaded again $again; after rescanblockchain $rescanned"
[[ $again == "$balance" && $rescanned == 5050.00000000 ]] || { echo "the behaviour has changed" >&2; exit 1; }
