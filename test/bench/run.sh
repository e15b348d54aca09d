#!/usr/bin/env bash
# Times networks against the floor, which is a plain StatefulSet of as many bitcoind pods with parallel start and nothing
# connected, in the cluster that the kubeconfig names, where the chart is installed. Prints seconds and their ratio. It is
# no test: there is no limit, and the figures are only comparable with each other. One start varies by a fifth and more on a
# machine that others share: the median of the rounds, in the last line of each size, is what to go by.
#
#   BITCOIND_IMAGE=… test/bench/run.sh [ROUNDS] [NODES…]      default: 3 rounds of 3 10 50
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"
rounds=${1:-3}
sizes=("${@:2}")
((${#sizes[@]})) || sizes=(3 10 50)

network() { # NODES: seconds until Ready; for three nodes also those from a killed pod until Ready again
  local start killed uid since
  start=$(now)
  k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: timed}
spec: {nodes: $1, secret: users}
END
  k wait --for=condition=Ready btcnet/timed --timeout=600s >/dev/null
  seconds "$start" "$(now)"
  if [[ $1 == 3 ]]; then
    # In the second after its start the kubelet takes up to 1.6 s more to end a pod, which is no time of the network.
    sleep 5
    uid=$(k get pod timed-sts-1 -o jsonpath='{.metadata.uid}') since=$(ready_since timed)
    killed=$(now)
    k delete pod timed-sts-1 --wait=false >/dev/null
    replaced timed-sts-1 "$uid"
    disturbed timed "$since"
    k wait --for=condition=Ready btcnet/timed --timeout=60s >/dev/null
    printf ' %s' "$(seconds "$killed" "$(now)")"
  fi
  k delete btcnet timed >/dev/null
  gone
}

# summary KEY: of the rounds in times, floors and ratios.
summary() {
  record figure "$1" "value=$(median "${times[@]}")" "reference=$(median "${floors[@]}")" "ratio=$(median "${ratios[@]}")" \
    "ratios=$(listed "${ratios[@]}")" "rounds=$rounds"
}

printf '%-8s %-6s %10s %10s %8s\n' nodes round floor network ratio
for nodes in "${sizes[@]}"; do
  floors=() starts=() heals=() start_ratios=() heal_ratios=()
  for ((round = 1; round <= rounds; round++)); do
    a=$(floor "$nodes")
    figures=$(network "$nodes")
    read -r b healed <<<"$figures"
    floors+=("$a") starts+=("$b") start_ratios+=("$(ratio "$a" "$b")")
    killed=''
    if [[ -n $healed ]]; then
      heals+=("$healed") heal_ratios+=("$(ratio "$a" "$healed")")
      killed="   a killed pod: ${healed}s, ${heal_ratios[-1]} of the floor"
    fi
    printf '%-8s %-6s %9ss %9ss %8s%s\n' "$nodes" "$round" "$a" "$b" "${start_ratios[-1]}" "$killed"
  done
  times=("${starts[@]}") ratios=("${start_ratios[@]}")
  printf '%-8s %-6s %30s\n' "$nodes" median "$(median "${ratios[@]}")"
  summary "network-$nodes"
  record sample start "nodes=$nodes" "floor=$(median "${floors[@]}")" "network=$(median "${times[@]}")"
  if ((${#heals[@]})); then
    times=("${heals[@]}") ratios=("${heal_ratios[@]}")
    summary killed-pod
  fi
done
