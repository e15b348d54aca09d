#!/usr/bin/env bash
# Makes the picture of the dashboard in the documentation: a network that is split in two, mines two chains, is healed, loses
# a node and grows, as the operator's metrics show it. For a cluster in which the chart is installed with its default values;
# the kubeconfig is the caller's, who may do everything. What it makes is removed again.
#
#   test/monitoring/picture/picture.sh [FILE]      default: docs/pictures/dashboard.svg
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
file=${1:-docs/pictures/dashboard.svg}
space=picture
k() { kubectl --namespace $space "$@"; }
reader=$(kubectl get clusterroles -o name | grep ':metrics-reader$' | head -n 1)
work=$(mktemp -d)
finish() {
  kubectl delete namespace $space --ignore-not-found --wait=false >/dev/null
  kubectl delete clusterrolebinding $space --ignore-not-found >/dev/null
  rm -rf "$work"
}
trap finish EXIT
kubectl create namespace $space >/dev/null
k create serviceaccount picture >/dev/null
kubectl create clusterrolebinding $space --clusterrole="${reader#*/}" --serviceaccount=$space:picture >/dev/null
go build -C test -o "$work/picture" ./monitoring/picture

ready() { k wait --for=condition=Ready btcnet/network --timeout=2m >/dev/null; }
mine() { k exec "network-sts-$1" -c bitcoind -- /usr/local/bin/bitcoin-cli -regtest -conf=/bitcoin.conf generatetodescriptor "$2" 'raw(51)' >/dev/null; }
patch() { k patch btcnet network --type=merge -p "$1" >/dev/null; }

k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: network}
spec: {nodes: 6, mining: {interval: 3s}}
END
ready
"$work/picture" -account $space/picture -network network -for 5m -out "$file" &
drawing=$!
sleep 25
patch '{"spec":{"partitions":[{"nodes":[0,1,2]}]}}'
sleep 20
mine 4 12
sleep 15
patch '{"spec":{"partitions":null}}'
ready
sleep 20
k delete pod network-sts-3 --wait=false >/dev/null
sleep 20
patch '{"spec":{"nodes":8}}'
ready
sleep 20
kill -INT "$drawing"
wait "$drawing"
echo "$file"
