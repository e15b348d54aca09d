# Sourced by memory.sh and growth.sh, in the root of the repository: a kind cluster of their own with the CRD and a machine that
# test/bench/simulate plays. API server, scheduler and StatefulSet controller are those of the cluster. The operator is a process on this machine.
# shellcheck shell=bash
work=$(mktemp -d)
cluster=${1:?name the cluster}-$$
simulator='' operator=''
export KUBECONFIG=$work/kubeconfig

finish() {
  local pid
  for pid in $simulator $operator; do kill "$pid" 2>/dev/null || true; done
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
"$work/simulate" >"$work/simulator.log" 2>&1 &
simulator=$!

start_operator() { # FLAGS
  "$work/bitcoin-controller" --kubeconfig "$KUBECONFIG" --node-image simulated --rpcauth-image simulated --leader-elect=false --node-access direct \
    --health-probe-bind-address 0 "$@" >"$work/operator.log" 2>&1 &
  operator=$!
}

running() {
  local name
  for name in operator simulator; do
    kill -0 "${!name}" 2>/dev/null && continue
    tail -n 20 "$work/$name.log" >&2
    return 1
  done
}

# network NAME SPEC: a manifest, with the fields of the spec in flow style.
network() {
  printf -- '---\n{apiVersion: bitcoincontroller.christianb93.github.com/v1, kind: BitcoinNetwork, metadata: {name: %s}, spec: {%s, nodeSelector: {kubernetes.io/hostname: simulated}}}\n' "$1" "$2"
}

ready() { kubectl get btcnet -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True || true; }
