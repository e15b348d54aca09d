#!/usr/bin/env bash
# How the time and the memory of the operator grow with the nodes and edges of its networks. The nodes are simulated, see simulated.sh. Each
# size has an operator of its own: the seconds and its CPU seconds until all networks are Ready, then, over a minute of polling, its passes,
# the CPU time of each, and memory; heap is what is in use at its least, right after a garbage collection. Below are CPU and memory above
# those of an operator without networks, for each node and edge, relative to the first row. Last, one network gets a node more: requests to the
# API server are those that follow, and the seconds those until the last of them. Like run.sh it prints figures and has no limit; it fails when
# no network with a node more caused a write of the operator, since its writes are then not counted.
#
#   test/bench/growth.sh [ROW…]      a row is TOPOLOGY:NETWORKSxNODES or TOPOLOGY:NETWORKSxNODES/NODES_PER_POD, with Random of degree 4
#                                and at most 499 nodes, since the first network gets one more
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
rows=("$@")
((${#rows[@]})) || rows=(Random:1x125 Random:1x250 Random:1x499 Random:2x499 Random:1x125/25 Random:1x250/25 Random:1x499/25 Random:2x499/25
  Mesh:1x50 Mesh:1x100 Mesh:1x200 Mesh:125x3 Mesh:250x3 Mesh:500x3 Mesh:1000x3)

# unchanged NETWORKS SECONDS READS WRITES CHANGE_WRITES keeps the requests of a row for each of its networks, in a minute without changes. The
# SECONDS are those until Ready. The operator renews each watch five minutes after it began at the earliest, which is a read: a row whose minute
# may end later has no figure of reads.
write_rates=() read_rates=() changed=0
unchanged() {
  write_rates+=("$(awk -v n="$1" -v r="$4" 'BEGIN { printf "%g", r / n }')")
  (($2 >= 200)) || read_rates+=("$(awk -v n="$1" -v r="$3" 'BEGIN { printf "%g", r / n }')")
  changed=$((changed + $5))
}

# figures: the most that any row has. Those of all rows together would hide a network that is alone in its row among thousands of others.
figures() {
  ((changed > 0)) || { echo 'no network with a node more caused a write of the operator: its writes are not counted' >&2 && return 1; }
  record figure idle-writes "value=$(greatest "${write_rates[@]}")"
  ((${#read_rates[@]} == 0)) || record figure idle-reads "value=$(greatest "${read_rates[@]}")"
}

# shellcheck source-path=SCRIPTDIR source=simulated.sh
. test/bench/simulated.sh growth
port=${METRICS_PORT:-$((20000 + $$ % 10000))}

# sample: CPU seconds, passes, resident and heap bytes, reads from and writes to the API server of the operator so far. A watch that is renewed,
# every five to ten minutes, is a read.
sample() {
  curl -sf "http://127.0.0.1:$port/metrics" | awk '
    $1 == "process_cpu_seconds_total" { cpu = $2 }
    $1 ~ /^controller_runtime_reconcile_total/ { passes += $2 }
    $1 == "process_resident_memory_bytes" { resident = $2 }
    $1 == "go_memstats_heap_inuse_bytes" { heap = $2 }
    $1 ~ /^rest_client_requests_total/ { if ($1 ~ /method="GET"/) reads += $2; else writes += $2 }
    END { printf "%f %d %d %d %d %d\n", cpu, passes, resident, heap, reads, writes }'
}

# minute: seconds of CPU, passes, MiB resident and of heap, reads and writes in a minute. A collection is due at least every two minutes.
minute() {
  local now cpu passes resident heap reads writes from_cpu from_passes from_reads from_writes until=$((SECONDS + 60)) least=0 most=0
  now=$(sample)
  read -r from_cpu from_passes resident heap from_reads from_writes <<<"$now"
  while ((SECONDS < until)); do
    running
    now=$(sample)
    read -r cpu passes resident heap reads writes <<<"$now"
    ((least > 0 && least < heap)) || least=$heap
    ((most > resident)) || most=$resident
    sleep 0.5
  done
  awk -v a="$from_cpu" -v b="$cpu" -v n=$((passes - from_passes)) -v r="$most" -v h="$least" \
    -v reads=$((reads - from_reads)) -v writes=$((writes - from_writes)) \
    'BEGIN { printf "%.2f %d %.1f %.1f %d %d\n", b - a, n, r / 1048576, h / 1048576, reads, writes }'
}

# change: reads and writes that follow when the first network gets a node more, and the seconds until the last of them. It is over when the
# network has the node, and nothing was sent for ten seconds.
change() { # NODES
  local now reads writes from_reads from_writes requests start last from=$SECONDS
  now=$(sample)
  read -r _ _ _ _ from_reads from_writes <<<"$now"
  requests=$((from_reads + from_writes))
  kubectl patch btcnet n0 --type=merge -p "{\"spec\":{\"nodes\":$(($1 + 1))}}" >/dev/null
  start=$(date +%s%N) last=$start
  while (($(date +%s%N) - last < 10000000000)) || [[ $(kubectl get btcnet n0 -o jsonpath='{.status.readyNodes}') != $(($1 + 1)) ]]; do
    running
    ((SECONDS - from < 300)) || { kubectl describe btcnet n0 >&2 && exit 1; }
    now=$(sample)
    read -r _ _ _ _ reads writes <<<"$now"
    if ((reads + writes > requests)); then requests=$((reads + writes)) last=$(date +%s%N); fi
    sleep 0.1
  done
  echo "$((reads - from_reads)) $((writes - from_writes)) $(awk -v a="$start" -v b="$last" 'BEGIN { printf "%.1f", (b - a) / 1e9 }')"
}

begin() {
  start_operator --metrics-bind-address "127.0.0.1:$port" --metrics-secure=false
  until sample >/dev/null 2>&1; do
    running
    sleep 0.2
  done
}

end() {
  kubectl delete btcnet --all >/dev/null
  while [[ -n $(kubectl get pods -o name) ]]; do
    running
    sleep 1
  done
  kill "$operator"
  wait "$operator" || true
}

measure() { # TOPOLOGY NETWORKS NODES NODES_PER_POD: a line of the table
  local topology="topology: {type: $1}" edges=$(($3 * ($3 - 1) / 2)) from now cpu start seconds polled changed i
  if [[ $1 == Random ]]; then topology='topology: {type: Random, degree: 4}' edges=$(($3 * 2)); fi
  from=$SECONDS
  now=$(sample)
  read -r start _ <<<"$now"
  for ((i = 0; i < $2; i++)); do network "n$i" "nodes: $3, nodesPerPod: $4, $topology"; done | kubectl create -f - >/dev/null
  while (($(ready) < $2)); do
    running
    ((SECONDS - from < 1800)) || { kubectl describe btcnet >&2 && exit 1; }
    sleep 1
  done
  seconds=$((SECONDS - from))
  now=$(sample)
  read -r cpu _ <<<"$now"
  sleep 20 # until nothing of the start is left, and the network is polled
  polled=$(minute)
  changed=$(change "$3")
  echo "$1 $2 $3 $4 $edges $seconds $(awk -v a="$start" -v b="$cpu" 'BEGIN { printf "%.1f", b - a }') $polled $changed"
}

# relative: of a line of the table, its figures above those of an idle operator for each node and edge, relative to the first line.
relative() { # IDLE FIRST LINE
  awk -v idle="$1" -v first="$2" -v line="$3" '
    function per(text, figures,   f, size) {
      split(text, f); split(idle, i); size = f[3] + f[5]
      figures[1] = f[7] / (f[2] * size); figures[2] = (f[8] - i[1]) / (f[2] * size)
      figures[3] = (f[8] - i[1]) / f[9] / size; figures[4] = (f[10] - i[3]) / (f[2] * size); figures[5] = (f[11] - i[4]) / (f[2] * size)
    }
    BEGIN { per(first, a); per(line, b); for (k = 1; k <= 5; k++) printf " %8s", (a[k] > 0 ? sprintf("%.2f", b[k] / a[k]) : "-"); print "" }'
}

begin
idle=$(minute)
end
echo "without networks: $idle (CPU seconds of a minute, passes, MiB resident, MiB of heap, reads, writes)"
printf '%-8s %-7s %5s %7s | %6s %9s | %9s %6s %11s %12s %8s %7s | %-19s | %s\n' topology nodes a-pod edges Ready 'CPU until' 'CPU/min' passes 'CPU/pass' \
  'resident' 'heap' 'API/min' 'API of a node more' 'relative: CPU until, CPU/min, CPU/pass, resident, heap'
first='' of=''
for row in "${rows[@]}"; do
  IFS=':x/' read -r topology networks nodes per <<<"$row"
  per=${per:-1} group=$topology
  begin
  line=$(measure "$topology" "$networks" "$nodes" "$per")
  end
  ((nodes != 3)) || group+=' of 3'
  ((per == 1)) || group+=", $per in a pod"
  if [[ $of != "$group" ]]; then first=$line of=$group; fi
  read -r _ _ _ _ edges seconds until cpu passes resident heap reads writes change_reads change_writes change_seconds <<<"$line"
  pass=$(awk -v c="$cpu" -v n="$passes" 'BEGIN { printf "%.1f", c / n * 1000 }')
  relative=$(relative "$idle" "$first" "$line")
  printf '%-8s %-7s %5d %7d | %5ds %8ss | %8ss %6d %9sms %9s %8s %3d+%-3d | %3d+%-3d in %6ss |%s\n' "$topology" "${networks}x$nodes" "$per" $((edges * networks)) \
    "$seconds" "$until" "$cpu" "$passes" "$pass" "${resident}MiB" "${heap}MiB" "$reads" "$writes" "$change_reads" "$change_writes" "$change_seconds" "$relative"
  read -r _ _ relative_pass _ relative_heap <<<"$relative"
  record sample growth "group=$group" "topology=$topology" "networks=$networks" "nodes=$nodes" "per=$per" "size=$((nodes + edges))" "ready=$seconds" \
    "cpu_until=$until" "cpu_minute=$cpu" "passes=$passes" "pass=$pass" "relative_pass=$relative_pass" "resident=$resident" "heap=$heap" \
    "relative_heap=$relative_heap" "change_reads=$change_reads" "change_writes=$change_writes" "change_seconds=$change_seconds"
  unchanged "$networks" "$seconds" "$reads" "$writes" "$change_writes"
done
figures
