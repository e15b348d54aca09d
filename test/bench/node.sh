#!/usr/bin/env bash
# Compares an idle node that has bitcoind's defaults, or the options of an earlier revision, with one that has those of the working tree: memory
# of its own (anonymous memory; the pages of the program are shared by all nodes of a machine), resident memory, and disk usage of a fresh data
# directory. The options are the bitcoin.conf of a network without any, as the golden file has it. Both run in turn in one image. Like run.sh it
# prints figures and has no limit. It needs Docker on this machine, and root, because the files belong to the user of the nodes.
#
#   BITCOIND_IMAGE=… test/bench/node.sh [ROUNDS [REVISION]]      default: 5 rounds, against bitcoind's defaults
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
image=${BITCOIND_IMAGE:?name the image of bitcoind that the operator uses, as scripts/machine.sh prints it}
golden=internal/operator/resources/testdata/conf/plain.conf
rounds=${1:-5}
revision=${2:-}
work=$(mktemp -d)
node=node-$$
trap 'docker rm --force "$node" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
if [[ -n $revision ]]; then
  git show "$revision:$golden" >"$work/before.conf"
else
  printf '%s\n' regtest=1 server=1 datadir=/data printtoconsole=1 nodebuglogfile=1 >"$work/before.conf"
fi
cp "$golden" "$work/after.conf"
chmod 755 "$work"
chmod 644 "$work"/*.conf

# measure CONF: KiB of anonymous memory, of resident memory, and of disk.
measure() {
  local pid
  rm -rf "$work/data"
  install -d -o 1000 -g 1000 "$work/data"
  docker run --detach --name "$node" --network none --read-only --user 1000:1000 --env HOME=/run/bitcoin-cli --env MALLOC_ARENA_MAX=1 \
    --volume "$work/data:/data" --volume "$work/$1.conf:/bitcoin.conf:ro" --volume "$work/$1.conf:/run/bitcoin-cli/.bitcoin/bitcoin.conf:ro" \
    "$image" -conf=/bitcoin.conf >/dev/null
  docker exec "$node" bitcoin-cli -rpcwait -rpcwaittimeout=60 getblockcount >/dev/null
  sleep 3 # the threads that start last
  pid=$(docker inspect --format '{{.State.Pid}}' "$node")
  awk '$1 == "RssAnon:" { anon = $2 } $1 == "VmRSS:" { rss = $2 } END { printf "%d %d ", anon, rss }' "/proc/$pid/status"
  du -sk "$work/data" | cut -f1
  docker rm --force "$node" >/dev/null
}

for ((round = 1; round <= rounds; round++)); do
  for which in before after; do measure $which >>"$work/$which"; done
done
middle() { # before|after COLUMN: the median of the rounds, in MiB
  local list
  mapfile -t list < <(awk -v column="$2" '{ printf "%.3f\n", $column / 1024 }' "$work/$1")
  median "${list[@]}"
}
printf '%s, median of %d rounds\n%-28s %10s %10s %8s\n' "$image" "$rounds" '' "${revision:-defaults}" now ratio
against=()
[[ -z $revision ]] || against=("against=$(git rev-parse --short=10 "$revision")")
column=1
for key in anonymous resident disk; do
  case $key in
    anonymous) name='anonymous memory, idle' ;;
    resident) name='resident memory, idle' ;;
    disk) name='disk, fresh data directory' ;;
  esac
  a=$(middle before $column) b=$(middle after $column)
  ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", b / a }')
  printf '%-28s %6.2f MiB %6.2f MiB %8.3f\n' "$name" "$a" "$b" "$ratio"
  record figure "node-$key" "value=$b" "reference=$a" "ratio=$ratio" "rounds=$rounds" ${against[@]+"${against[@]}"}
  column=$((column + 1))
done
