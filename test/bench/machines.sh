#!/usr/bin/env bash
# Times networks with a pod for each node, Random with degree 4, in a kind cluster of three cluster nodes: the one of test/machines, which it
# creates, with the chart of the working tree, and deletes. Beside each start in the same round is the floor, a plain StatefulSet of as many
# pods. Memory is that of the pods, as the kubelets report it. Like run.sh it prints figures and has no limit. 200 nodes need 12 GiB.
#
#   CANDIDATE_IMAGE=… test/bench/machines.sh [ROUNDS [NODES…]]      the operator's image in a registry; default: 1 round of 200
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=${1:-1}
sizes=("${@:2}")
((${#sizes[@]})) || sizes=(200)

# The benchmark of test/machines calls this script again, with the cluster's kubeconfig.
if [[ -z ${INSIDE:-} ]]; then
  export CANDIDATE_IMAGE=${CANDIDATE_IMAGE:?name the image of the operator, as the demo has it in its registry}
  eval "$("$here/../../scripts/machine.sh")"
  export NODE_IMAGE KIND_CONFIG BITCOIND_IMAGE RESULTS=${RESULTS:-}
  printf -v COMMAND 'INSIDE=1 exec %q' "$here/machines.sh"
  (($# == 0)) || printf -v COMMAND '%s %q' "$COMMAND" "$@"
  export COMMAND
  LIFECYCLE_TESTS=true REQUIRE_TOOLS=1 exec go test -C "$here/.." -tags e2e -run '^$' -bench OnSeveralClusterNodes -benchtime 1x -timeout 3h ./machines/
fi

# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$here/cluster.sh"

# memory: MiB of the pods. The kubelets compute it every few seconds.
memory() {
  sleep 15
  local name total=0
  for name in $(k get nodes -o name); do
    total=$((total + $(k get --raw "/api/v1/nodes/${name#*/}/proxy/stats/summary" |
      jq --arg space "$space" '[.pods[] | select(.podRef.namespace == $space) | .memory.rssBytes] | (add // 0) / 1048576 | floor')))
  done
  ((total > 0)) || { echo 'the kubelets report no memory of the pods' >&2 && exit 1; }
  echo "$total"
}

network() { # NODES: seconds until Ready, and MiB
  local start seconds used
  start=$(now)
  k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: wide}
spec: {nodes: $1, secret: users, topology: {type: Random, degree: 4}, tolerations: [$toleration]}
END
  k wait --for=condition=Ready btcnet/wide --timeout=1800s >/dev/null
  seconds=$(seconds "$start" "$(now)")
  # On a line of its own: bash ignores a $(…) that fails in an argument.
  used=$(memory)
  echo "$seconds $used"
  k delete btcnet wide >/dev/null
  gone
}

printf '%-6s %-6s %18s %18s %8s %8s\n' nodes round floor network time memory
for nodes in "${sizes[@]}"; do
  floors=() floor_mebibytes=() times=() mebibytes=() ratios=() memory_ratios=()
  for ((round = 1; round <= rounds; round++)); do
    figures=$(floor "$nodes" memory)
    read -r a b <<<"$figures"
    figures=$(network "$nodes")
    read -r c d <<<"$figures"
    floors+=("$a") floor_mebibytes+=("$b") times+=("$c") mebibytes+=("$d") ratios+=("$(ratio "$a" "$c")") memory_ratios+=("$(ratio "$b" "$d")")
    printf '%-6s %-6s %18s %18s %8s %8s\n' "$nodes" "$round" "${a}s ${b}MiB" "${c}s ${d}MiB" "${ratios[-1]}" "${memory_ratios[-1]}"
  done
  record figure "machines-$nodes" "value=$(median "${times[@]}")" "reference=$(median "${floors[@]}")" "ratio=$(median "${ratios[@]}")" \
    "ratios=$(listed "${ratios[@]}")" "rounds=$rounds"
  record figure "machines-memory-$nodes" "value=$(median "${mebibytes[@]}")" "reference=$(median "${floor_mebibytes[@]}")" \
    "ratio=$(median "${memory_ratios[@]}")" "ratios=$(listed "${memory_ratios[@]}")" "rounds=$rounds"
done
