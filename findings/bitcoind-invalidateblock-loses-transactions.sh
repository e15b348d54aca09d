#!/usr/bin/env bash
# bitcoin-knots 29.4.knots20260508.3-1 from Debian sid (the code is that of Bitcoin Core): one call of invalidateblock gives the transactions of
# the last ten blocks back to the mempool, and loses those of deeper blocks without a word. Two calls, of which the first one takes the upper ten
# blocks, lose none. A reorganisation that comes from a peer loses none either, however deep.
#
# A good engineer would expect the transactions of all blocks in the mempool afterwards, as after a reorganisation, or an error. A wallet still has
# the transaction, and sends it again some time later; a program that has only bitcoind's mempool has lost it.
#
# Seen: "a payment in the 10th block from the top: 1 in the mempool; in the 11th: 0; in the 11th with two calls: 1; reorganised by a peer: 1".
#
# Needs Debian's apt and dpkg-deb, installs nothing: the packages are unpacked in a temporary folder. Fails when it is otherwise.
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

script=50
declare -A ports=([A]=1 [B]=2)
start() { # NAME: a node of its own directory
  mkdir -p "$dir/$1"
  "$loader" --library-path "$libraries" "$dir/root/usr/bin/bitcoind" -regtest -datadir="$dir/$1" -listenonion=0 -dnsseed=0 -discover=0 -softwareexpiry=0 -printtoconsole=0 \
    -keypool=10 -fallbackfee=0.0001 -walletbroadcast=0 -bind="127.0.0.1:$((19000 + ports[$1]))" -rpcport="$((19100 + ports[$1]))" &
  nodes+=($!)
  cli "$1" -rpcwait -rpcwaittimeout=60 getblockcount >/dev/null
}
cli() { "$loader" --library-path "$libraries" "$dir/root/usr/bin/bitcoin-cli" -regtest -datadir="$dir/$1" -rpcport="$((19100 + ports[$1]))" "${@:2}"; }
# With other scripts in each call: a block must not be one that is invalid.
blocks() { cli A generatetodescriptor "$1" "raw($((++script)))" >/dev/null; }

# payment DEPTH: a transaction in the block of this depth, of which the uppermost has 1.
payment() {
  local raw
  raw=$(cli A -rpcwallet=savings createrawtransaction '[]' "{\"$address\": 1}")
  raw=$(cli A -rpcwallet=savings fundrawtransaction "$raw" | sed -n 's/.*"hex": "\(.*\)".*/\1/p')
  raw=$(cli A -rpcwallet=savings signrawtransactionwithwallet "$raw" | sed -n 's/.*"hex": "\(.*\)".*/\1/p')
  id=$(cli A sendrawtransaction "$raw")
  blocks "$1"
}
at() { cli A getblockhash $(($(cli A getblockcount) - $1 + 1)); }
found() { cli A getrawmempool | grep -c "$id" || true; }

start A
cli A createwallet savings >/dev/null
address=$(cli A -rpcwallet=savings getnewaddress)
cli A generatetoaddress 120 "$address" >/dev/null
blocks 100

payment 10
cli A invalidateblock "$(at 10)"
ten=$(found)
blocks 11
payment 11
cli A invalidateblock "$(at 11)"
eleven=$(found)
blocks 12
payment 11
cli A invalidateblock "$(at 10)"
cli A invalidateblock "$(at 1)"
twice=$(found)
blocks 2

# A second node has the chain without the payment and the blocks above it, and one block more.
start B
peers() { cli B addnode "127.0.0.1:19001" "$1"; }
same() {
  local limit=$((SECONDS + 60))
  until [[ $(cli A getbestblockhash) == "$(cli B getbestblockhash)" ]]; do
    ((SECONDS < limit)) || { echo "the nodes do not get one chain" >&2; exit 2; }
    sleep 0.1
  done
}
peers onetry
same
cli B setnetworkactive false >/dev/null
payment 11
cli B generatetodescriptor 12 'raw(60)' >/dev/null
cli B setnetworkactive true >/dev/null
peers onetry
same
peer=$(found)
text="a payment in the 10th block from the top: $ten in the mempool; in the 11th: $eleven; in the 11th with two calls: $twice; reorganised by a peer: $peer"
echo "$text"
[[ $ten$eleven$twice$peer == 1011 ]] || { echo "the behaviour has changed" >&2; exit 1; }
