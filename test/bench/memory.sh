#!/usr/bin/env bash
# Resident memory of an operator with many networks of three nodes. The nodes are simulated, since real ones
# would need 45 MiB each: test/bench/simulate plays the machine that they are on. Like run.sh it prints figures and has no limit.
#
#   test/bench/memory.sh [NETWORKS]      default: 1000, which takes about ten minutes on two cores
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
networks=${1:-1000}
# shellcheck source-path=SCRIPTDIR source=simulated.sh
. test/bench/simulated.sh memory
start_operator --metrics-bind-address 0

resident() { awk -v key="$1:" '$1 == key { printf "%.0f", $2 / 1024 }' "/proc/$operator/status"; }

from=$SECONDS
for ((i = 0; i < networks; i++)); do network "n$i" 'nodes: 3'; done | kubectl create -f - >/dev/null
deadline=$((SECONDS + 1800)) now=0
while ((now < networks)); do
  running
  ((SECONDS < deadline)) || { echo "after half an hour $now of $networks networks are Ready" >&2 && exit 1; }
  sleep 5
  now=$(ready)
  printf '%5d s: %d of %d networks Ready, %s MiB resident\n' $((SECONDS - from)) "$now" "$networks" "$(resident VmRSS)"
done
# A minute in which all of them are reconciled, and the garbage collector runs.
ticks() { awk '{ print $14 + $15 }' "/proc/$operator/stat"; }
before=$(ticks)
sleep 60
after=$(ticks)
resident=$(resident VmRSS) most=$(resident VmHWM)
percent=$(awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.0f", t / hz / 60 * 100 }')
printf '%d networks of 3 nodes: %s MiB resident, %s MiB at most, %s%% of a core\n' "$networks" "$resident" "$most" "$percent"
record figure "memory-$networks" "value=$resident"
record figure "memory-most-$networks" "value=$most"
record figure "memory-cpu-$networks" "value=$percent"
