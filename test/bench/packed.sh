#!/usr/bin/env bash
# Times networks whose nodes share pods (spec.nodesPerPod), in the cluster that the kubeconfig names, where the chart is installed: Random
# with degree 4, until the condition Ready. Beside each start in the same round are the floor, a plain StatefulSet of three pods, and up to
# 100 nodes the same network with a pod for each node. Memory is that of all processes of the cluster's machines, as their kubelets report
# it, above that before the start. Like run.sh it prints figures and has no limit.
#
#   BITCOIND_IMAGE=… test/bench/packed.sh [NODES_PER_POD [ROUNDS [NODES…]]]      default: 25, 1 round of 25 50 100 200 500
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"
per=${1:-25} rounds=${2:-1}
sizes=("${@:3}")
((${#sizes[@]})) || sizes=(25 50 100 200 500)
separately=100 # nodes at most with a pod each: a kubelet takes 110 pods by default

# memory: MiB of all processes on the machines of the cluster. The kubelet computes it every few seconds.
memory() {
  sleep 15
  local name total=0
  for name in $(k get nodes -o name); do
    total=$((total + $(k get --raw "/api/v1/nodes/${name#*/}/proxy/stats/summary" | jq '.node.memory.rssBytes / 1048576 | floor')))
  done
  echo "$total"
}

packed() { # NODES NODES_PER_POD: seconds until Ready, and MiB
  local start before after seconds resources=''
  # As a pod with several nodes requests it for each: with that of a node alone, 100 nodes do not fit on two cores beside the cluster's own pods.
  if (($2 == 1)); then resources=', resources: {requests: {cpu: 1m, memory: 32Mi}, limits: {cpu: "1", memory: 256Mi}}'; fi
  before=$(memory)
  start=$(now)
  k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: packed}
spec: {nodes: $1, nodesPerPod: $2, secret: users, topology: {type: Random, degree: 4}$resources}
END
  k wait --for=condition=Ready btcnet/packed --timeout=1200s >/dev/null
  seconds=$(seconds "$start" "$(now)")
  # On a line of its own: bash ignores a $(…) that fails in an argument.
  after=$(memory)
  echo "$seconds $((after - before))"
  k delete btcnet packed >/dev/null
  gone
}

printf '%-6s %-6s %9s %18s %18s %9s %9s\n' nodes round 'floor of 3' 'a pod each' "$per a pod" 'time' 'memory'
for nodes in "${sizes[@]}"; do
  floors=() times=() mebibytes=() each_times=() each_mebibytes=() time_ratios=() memory_ratios=()
  for ((round = 1; round <= rounds; round++)); do
    a=$(floor 3)
    each='' time_ratio='' memory_ratio=''
    if ((nodes <= separately)); then
      figures=$(packed "$nodes" 1)
      read -r b c <<<"$figures"
      each="${b}s ${c}MiB"
    fi
    figures=$(packed "$nodes" "$per")
    read -r d e <<<"$figures"
    floors+=("$a") times+=("$d") mebibytes+=("$e")
    if [[ -n $each ]]; then
      time_ratio=$(ratio "$b" "$d") memory_ratio=$(ratio "$c" "$e")
      each_times+=("$b") each_mebibytes+=("$c") time_ratios+=("$time_ratio") memory_ratios+=("$memory_ratio")
    fi
    printf '%-6s %-6s %9ss %18s %18s %9s %9s\n' "$nodes" "$round" "$a" "${each:--}" "${d}s ${e}MiB" "${time_ratio:--}" "${memory_ratio:--}"
  done
  seconds=$(median "${times[@]}") memory=$(median "${mebibytes[@]}")
  time_reference=() memory_reference=() sample=()
  if ((${#each_times[@]})); then
    time_reference=("reference=$(median "${each_times[@]}")" "ratio=$(median "${time_ratios[@]}")" "ratios=$(listed "${time_ratios[@]}")")
    memory_reference=("reference=$(median "${each_mebibytes[@]}")" "ratio=$(median "${memory_ratios[@]}")" "ratios=$(listed "${memory_ratios[@]}")")
    sample=("separate=$(median "${each_times[@]}")" "separate_memory=$(median "${each_mebibytes[@]}")")
  fi
  record figure "packed-$nodes" "value=$seconds" "rounds=$rounds" ${time_reference[@]+"${time_reference[@]}"}
  record figure "packed-memory-$nodes" "value=$memory" "rounds=$rounds" ${memory_reference[@]+"${memory_reference[@]}"}
  record sample packed "nodes=$nodes" "floor=$(median "${floors[@]}")" "seconds=$seconds" "memory=$memory" ${sample[@]+"${sample[@]}"}
done
