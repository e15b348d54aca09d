#!/usr/bin/env bash
# Resident memory of an operator with many networks of three nodes. The nodes are simulated, since real ones
# would need 45 MiB each: test/bench/simulate plays the machine that they are on. API server, scheduler and StatefulSet
# controller are those of a kind cluster created for this, and the operator is a process on this machine. Like run.sh
# it prints figures and has no limit.
#
#   test/bench/memory.sh [NETWORKS]      default: 1000, which takes about ten minutes on two cores
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
networks=${1:-1000}
work=$(mktemp -d)
cluster=memory-$$
started=()
export KUBECONFIG=$work/kubeconfig

finish() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  "$work/chart-promoter" cluster delete "$cluster" --kubeconfig "$KUBECONFIG" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

eval "$(scripts/machine.sh)"
export NODE_IMAGE KIND_CONFIG BITCOIND_IMAGE
go build -o "$work/" ./cmd/chart-promoter ./cmd/bitcoin-controller
go build -C test -o "$work/" ./bench/simulate
"$work/chart-promoter" cluster create "$cluster" --kubeconfig "$KUBECONFIG" >/dev/null
kubectl apply --server-side -f charts/bitcoin-controller/files/crds >/dev/null
kubectl wait --for=condition=Established crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com --timeout=60s >/dev/null

"$work/simulate" >"$work/simulate.log" 2>&1 &
started+=($!)
"$work/bitcoin-controller" --kubeconfig "$KUBECONFIG" --node-image simulated --rpcauth-image simulated --leader-elect=false --node-access direct \
  --metrics-bind-address 0 --health-probe-bind-address 0 >"$work/operator.log" 2>&1 &
operator=$!
started+=("$operator")

resident() { awk -v key="$1:" '$1 == key { printf "%.0f", $2 / 1024 }' "/proc/$operator/status"; }
ready() { kubectl get btcnet -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True || true; }

from=$SECONDS
for ((i = 0; i < networks; i++)); do
  printf -- '---\n{apiVersion: bitcoincontroller.christianb93.github.com/v1, kind: BitcoinNetwork, metadata: {name: n%d}, spec: {nodes: 3, nodeSelector: {kubernetes.io/hostname: simulated}}}\n' "$i"
done | kubectl create -f - >/dev/null
deadline=$((SECONDS + 1800)) now=0
while ((now < networks)); do
  kill -0 "$operator" 2>/dev/null || { tail -n 20 "$work/operator.log" >&2 && exit 1; }
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
printf '%d networks of 3 nodes: %s MiB resident, %s MiB at most, %s%% of a core\n' "$networks" "$(resident VmRSS)" "$(resident VmHWM)" \
  "$(awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.0f", t / hz / 60 * 100 }')"
