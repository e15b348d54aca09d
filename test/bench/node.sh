#!/usr/bin/env bash
# Compares an idle node that has the options of an earlier revision with one that has those of the working tree: memory of its own
# (anonymous memory; the pages of the program are shared by all nodes of a machine), resident memory, and disk usage of a fresh data directory.
# Both are the bitcoin.conf of a network without options, as the golden file has it, and run in turn in one image. Like run.sh it
# prints figures and has no limit. It needs Docker on this machine, and root, because the files belong to the user of the nodes.
#
#   BITCOIND_IMAGE=… test/bench/node.sh [REVISION [ROUNDS]]      default: the revision before the options changed last, 5 rounds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
image=${BITCOIND_IMAGE:?name the image of bitcoind that the operator uses, as scripts/machine.sh prints it}
golden=internal/operator/resources/testdata/conf/plain.conf
changed=$(git log -1 --format=%h -- "$golden")
revision=${1:-$changed~1}
rounds=${2:-5}
work=$(mktemp -d)
node=node-$$
trap 'docker rm --force "$node" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
git show "$revision:$golden" >"$work/before.conf"
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
median() { sort -n -k "$2,$2" "$work/$1" | awk -v k="$2" '{ r[NR] = $k } END { print (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2 }'; }
printf '%s, median of %d rounds\n%-28s %10s %10s %8s\n' "$image" "$rounds" '' "$revision" now ratio
column=1
for name in 'anonymous memory, idle' 'resident memory, idle' 'disk, fresh data directory'; do
  awk -v n="$name" -v a="$(median before $column)" -v b="$(median after $column)" \
    'BEGIN { printf "%-28s %6.2f MiB %6.2f MiB %8.3f\n", n, a / 1024, b / 1024, b / a }'
  column=$((column + 1))
done
