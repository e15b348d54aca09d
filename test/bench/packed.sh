#!/usr/bin/env bash
# Times networks whose nodes share pods (spec.nodesPerPod), in the cluster that the kubeconfig names, where the chart is installed: Random
# with degree 4, until the condition Ready. Beside each start in the same round are the floor, a plain StatefulSet of three pods, and up to
# 100 nodes the same network with a pod for each node. Memory is that of all processes of the cluster's machines, as their kubelets report
# it, above that before the start. Prints figures and never fails; --plot also draws them.
#
#   BITCOIND_IMAGE=… test/bench/packed.sh [--plot FILE.svg] [NODES_PER_POD [ROUNDS [NODES…]]]      default: 25, 1 round of 25 50 100 200 500
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"
plot=''
if [[ ${1:-} == --plot ]]; then plot=${2:?name the file}; shift 2; fi
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
  local start before seconds
  before=$(memory)
  start=$(now)
  k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: packed}
spec: {nodes: $1, nodesPerPod: $2, secret: users, topology: {type: Random, degree: 4}}
END
  k wait --for=condition=Ready btcnet/packed --timeout=1200s >/dev/null
  seconds=$(seconds "$start" "$(now)")
  echo "$seconds $(($(memory) - before))"
  k delete btcnet packed >/dev/null
  gone
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", b / a}'; }

draw() { # lines "NODES SECONDS MIB": two curves over the number of nodes
  awk '
    {n[NR] = $1; s[NR] = $2; m[NR] = $3; if ($1 > N) N = $1; if ($2 > S) S = $2; if ($3 > M) M = $3}
    function curve(v, top, color, at, unit,   i, points, x, y) {
      for (i = 1; i <= NR; i++) {
        x = 60 + 520 * n[i] / N; y = 260 - 220 * v[i] / top; points = points sprintf("%.1f,%.1f ", x, y)
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"%s\" text-anchor=\"middle\">%s</text>\n", x, y, color, x, y + at, color, v[i]
      }
      printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", points, color
    }
    END {
      print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 300\" font-family=\"sans-serif\" font-size=\"11\" role=\"img\" aria-label=\"seconds until Ready and memory over the number of nodes\">"
      print "<rect width=\"640\" height=\"300\" fill=\"white\"/><path d=\"M60 30V260H600\" fill=\"none\" stroke=\"#555\"/>"
      curve(s, S, "#b35900", -8); curve(m, M, "#1f5fa8", 16)
      for (i = 1; i <= NR; i++) printf "<text x=\"%.1f\" y=\"276\" text-anchor=\"middle\">%s</text>\n", 60 + 520 * n[i] / N, n[i]
      print "<text x=\"600\" y=\"292\" text-anchor=\"end\">nodes</text>"
      print "<text x=\"70\" y=\"24\" fill=\"#b35900\">seconds until Ready</text><text x=\"200\" y=\"24\" fill=\"#1f5fa8\">memory in MiB</text></svg>"
    }'
}

results=''
printf '%-6s %-6s %9s %18s %18s %9s %9s\n' nodes round 'floor of 3' 'a pod each' "$per a pod" 'time' 'memory'
for nodes in "${sizes[@]}"; do
  times=() mebibytes=()
  for ((round = 1; round <= rounds; round++)); do
    a=$(floor 3)
    b='' c='' each='' times_ratio='' memory_ratio=''
    if ((nodes <= separately)); then
      figures=$(packed "$nodes" 1)
      read -r b c <<<"$figures"
      each="${b}s ${c}MiB"
    fi
    figures=$(packed "$nodes" "$per")
    read -r d e <<<"$figures"
    times+=("$d") mebibytes+=("$e")
    if [[ -n $b ]]; then times_ratio=$(ratio "$b" "$d") memory_ratio=$(ratio "$c" "$e"); fi
    printf '%-6s %-6s %9ss %18s %18s %9s %9s\n' "$nodes" "$round" "$a" "${each:--}" "${d}s ${e}MiB" "${times_ratio:--}" "${memory_ratio:--}"
  done
  results+="$nodes $(median "${times[@]}") $(median "${mebibytes[@]}" | sed 's/[.].*//')"$'\n'
done
if [[ -n $plot ]]; then printf '%s' "$results" | draw >"$plot"; fi
