#!/usr/bin/env bash
# Start and memory of three operators with the same networks: one with Lightning off, one with it on and no LightningNetwork, and the last one
# of before Lightning, by the history of the clone. Prints medians, with ratios to the first one, which are what to go by. Each has a namespace
# of a real API server with simulated nodes, as in test/apiserver. Like run.sh it prints figures and has no limit.
#
#   test/bench/lightning.sh [ROUNDS] [NETWORKS]      default: 5 rounds with 30 networks of three nodes, which takes about seven minutes
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build DIRECTORY NAME: as the image is built.
build() { CGO_ENABLED=0 go build -C "$1" -trimpath -buildvcs=false -ldflags='-s -w' -o "$work/$2" ./cmd/bitcoin-controller; }

build . now
operators="off=$work/now on=$work/now,--lightning-image,lnd:test"
first=$(git log --reverse --format=%H -- internal/operator/lightning | sed -n 1p)
if git rev-parse --verify --quiet "$first^" >/dev/null; then
  mkdir "$work/source"
  git archive "$first^" | tar -x -C "$work/source"
  build "$work/source" before
  operators+=" before=$work/before"
else
  echo "the clone has no commit before $first: there is no operator of before" >&2
fi
rounds=${1:-5}
REQUIRE_TOOLS=1 ROUNDS=$rounds NETWORKS=${2:-30} OPERATORS=$operators \
  go test -C test -run '^$' -bench WithoutLightningNetworks -benchtime 1x -timeout 1h ./apiserver/ | tee "$work/table"

# The lines of the table are a name and four figures, each with its ratio to the first line.
for entry in start:2 cpu:4 resident:6 heap:8; do
  column=${entry#*:}
  off=$(awk -v column="$column" '$1 == "off" { print $column }' "$work/table")
  on=$(awk -v column="$column" '$1 == "on" { print $column, substr($(column + 1), 2) }' "$work/table")
  [[ -n $off && -n $on ]] || { echo 'the table has no line of off or of on' >&2 && exit 1; }
  record figure "lightning-${entry%:*}" "value=${on% *}" "reference=$off" "ratio=${on#* }" "rounds=$rounds"
done
