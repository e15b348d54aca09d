#!/usr/bin/env bash
# Ten nodes under mining, traffic, scaling, partitions and kills, in the cluster that the kubeconfig names, where the chart is installed with
# its default values, such as the demo's: KUBECONFIG=.demo/kubeconfig. It records memory, goroutines and processor time of the operator every
# ten seconds, and prints at the end how the last quarter compares with the second one. It fails when the network is not Ready three minutes
# after a disturbance, when the operator restarts, when its metrics cannot be read for more than two minutes, when the last quarter has no
# payment, and, after an hour or more, when its heap or its goroutines have grown by a quarter.
#
#   test/bench/soak.sh [MINUTES]      default: 120 minutes; SEED=… repeats the order of the disturbances
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
minutes=${1:-120}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
# shellcheck disable=SC2034 # record reads it
bench_command="SEED=$seed $bench_command"
RANDOM=$((seed % 32768))
nodes=10 larger=12 space=soak-$$ operators=${OPERATOR_NAMESPACE:-bitcoin-controller}
work=$(mktemp -d)
jobs=()
k() { kubectl --namespace "$space" "$@"; }
fail() { echo "$1" >&2 && exit 1; }
info() { printf '%6d s  %s\n' "$((SECONDS - began))" "$*"; }

finish() {
  local pid
  touch "$work/over"
  for pid in "${jobs[@]}"; do wait "$pid" 2>/dev/null || true; done
  kubectl delete namespace "$space" --ignore-not-found --timeout=300s >/dev/null || true
  kubectl delete clusterrolebinding "$space" --ignore-not-found >/dev/null
  rm -rf "$work"
}
trap finish EXIT

operator() { kubectl --namespace "$operators" get pods -l app.kubernetes.io/name=bitcoin-controller,app.kubernetes.io/component!=page -o jsonpath="$1"; }
restarts() { operator '{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\n"}{end}'; }

# The metrics need the permission of a service account.
prepare() {
  local reader
  kubectl create namespace "$space" >/dev/null
  k create serviceaccount reader >/dev/null
  reader=$(kubectl get clusterroles -o name | grep ':metrics-reader$' | head -n 1)
  kubectl create clusterrolebinding "$space" --clusterrole="${reader#*/}" --serviceaccount="$space:reader" >/dev/null
}

# authorize writes the header with a token for curl. It is a file of the user alone: everyone on the machine sees arguments.
authorize() {
  local token
  token=$(k create token reader --duration=24h 2>/dev/null) || return 1
  (umask 077 && printf 'Authorization: Bearer %s\n' "$token" >"$work/header")
}

# forwarded opens a port-forward to the operator, of the process forward and at port.
forwarded() {
  local pod
  pod=$(operator '{.items[0].metadata.name}' 2>/dev/null) || return 1
  authorize || return 1
  : >"$work/forward"
  kubectl --namespace "$operators" port-forward "$pod" :8443 >"$work/forward" 2>/dev/null &
  forward=$!
  for _ in {1..50}; do
    port=$(sed -n 's/^Forwarding from 127[.]0[.]0[.]1:\([0-9]*\) .*/\1/p' "$work/forward")
    [[ -z $port ]] || return 0
    sleep 0.2
  done
  return 1
}

unforward() {
  [[ -z $forward ]] || kill "$forward" 2>/dev/null || true
  forward=''
}

metrics() {
  curl -skf --max-time 9 -H "@$work/header" "https://127.0.0.1:$port/metrics" | awk -v at=$((SECONDS - began)) '
    $1 == "process_resident_memory_bytes" { resident = $2 }
    $1 == "go_memstats_heap_inuse_bytes" { heap = $2 }
    $1 == "go_goroutines" { goroutines = $2 }
    $1 == "process_cpu_seconds_total" { cpu = $2 }
    END { if (!goroutines) exit 1; printf "%d %.1f %.1f %d %.2f\n", at, resident / 1048576, heap / 1048576, goroutines, cpu }'
}

# sample FILE: a line of seconds, MiB resident, MiB of heap in use, goroutines, and CPU seconds so far, every ten seconds. A port-forward
# ends with the connection of its kubectl, and is opened again. A sample that fails is missing, and no more: gap finds when too many do. It
# is a process of its own, whose trap ends the port-forward.
sample() {
  local line
  forward='' port=''
  trap unforward EXIT
  while [[ ! -e $work/over ]]; do
    if { [[ -n $forward ]] && kill -0 "$forward" 2>/dev/null || forwarded; } && line=$(metrics); then
      echo "$line" >>"$1"
    else
      unforward
    fi
    for _ in {1..20}; do [[ -e $work/over ]] || sleep 0.5; done
  done
}

# gap: the longest time without a sample, in seconds from one time to another.
gap() { # FILE FROM TO
  sort -n -k1 "$1" | awk -v last="$2" -v to="$3" '
    $1 - last > most { most = $1 - last }
    { last = $1 }
    END { if (to - last > most) most = to - last; print most + 0 }'
}

cli() { k exec "$1" -c bitcoind -- /usr/local/bin/bitcoin-cli -regtest -conf=/bitcoin.conf "${@:2}"; }

# traffic: a payment every two seconds, from the wallet of node 0 to itself, with a line of the time in seconds. A node that is disturbed does
# not pay, and one that starts again has no wallet loaded.
traffic() {
  while [[ ! -e $work/over ]]; do
    if cli soak-sts-0 sendtoaddress "$1" 0.001 >/dev/null 2>&1; then
      echo "$((SECONDS - began))" >>"$work/payments"
    else
      cli soak-sts-0 loadwallet soak >/dev/null 2>&1 || true
    fi
    sleep 2
  done
}

ready() { # WHAT
  local from=$SECONDS
  if ! k wait --for=condition=Ready btcnet/soak --timeout=180s >/dev/null 2>"$work/error"; then
    info "$1: not Ready after three minutes" >&2
    k get btcnet soak -o jsonpath='{range .status.conditions[*]}{.type} {.status} {.message}{"\n"}{end}' >&2
    exit 1
  fi
  info "$1: Ready after $((SECONDS - from)) s"
}

patch() { k patch btcnet soak --type=merge -p "{\"spec\":$1}" >/dev/null; }

disturb() {
  local node uid since flags=()
  case $1 in
    partition)
      patch '{"partitions":[{"nodes":[0,1,2,3,4]}]}'
      sleep 20
      patch '{"partitions":null}'
      ready 'two halves are healed'
      ;;
    scale)
      patch "{\"nodes\":$larger}"
      ready "$larger nodes"
      patch "{\"nodes\":$nodes}"
      ready "$nodes nodes"
      ;;
    stop | kill)
      node=soak-sts-$((RANDOM % nodes))
      [[ $1 == stop ]] || flags=(--grace-period=0 --force)
      uid=$(k get pod "$node" -o jsonpath='{.metadata.uid}')
      since=$(ready_since soak)
      k delete pod "$node" --wait=false "${flags[@]}" >/dev/null 2>&1
      replaced "$node" "$uid"
      disturbed soak "$since"
      ready "$1 of $node"
      ;;
  esac
}

# compare: the least heap, and the medians of the others, of the second and of the last quarter, with their ratio.
compare() { # FILE COLUMN median|least
  sort -n -k1 "$1" | awk -v column="$2" -v kind="$3" '
    { at[NR] = $1; v[NR] = $column }
    function of(from, to,   i, j, n, x, list) {
      for (i = 1; i <= NR; i++) if (at[i] >= from && at[i] <= to) list[++n] = v[i]
      for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) { x = list[j]; list[j] = list[j - 1]; list[j - 1] = x }
      return kind == "least" ? list[1] : list[int((n + 1) / 2)]
    }
    END { end = at[NR]; a = of(end / 4, end / 2); b = of(end * 3 / 4, end); printf "%.1f %.1f %.3f", a, b, (a > 0 ? b / a : 0) }'
}

began=$SECONDS
echo "$minutes minutes, seed $seed"
prepare
k apply -f - >/dev/null <<END
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: soak}
spec: {nodes: $nodes, topology: {type: Random, degree: 4}, storage: {size: 1Gi, retentionPolicy: Delete}}
END
ready "$nodes nodes"
cli soak-sts-0 createwallet soak >/dev/null
address=$(cli soak-sts-0 getnewaddress)
cli soak-sts-0 generatetoaddress 150 "$address" >/dev/null
patch "{\"mining\":{\"interval\":\"2s\",\"address\":\"$address\"}}"
ready 'mining and traffic'
first=$(restarts)
sampled=$((SECONDS - began))
touch "$work/samples" "$work/payments"
sample "$work/samples" &
jobs+=($!)
traffic "$address" &
jobs+=($!)
kinds=(partition scale stop kill) disturbances=0
while ((SECONDS - began < minutes * 60)); do
  disturb "${kinds[RANDOM % ${#kinds[@]}]}"
  disturbances=$((disturbances + 1))
  sleep 20
done
[[ $(restarts) == "$first" ]] || fail 'the operator has restarted'
end=$((SECONDS - began))
touch "$work/over"
for pid in "${jobs[@]}"; do wait "$pid" || fail 'the samples or the payments ended with an error'; done
jobs=()
unseen=$(gap "$work/samples" "$sampled" "$end")
((unseen <= 120)) || fail "for $unseen seconds the metrics could not be read"
last=$(awk -v end="$end" '$1 >= end * 3 / 4' "$work/payments" | wc -l)
((last > 0)) || fail "none of the $(wc -l <"$work/payments") payments is in the last quarter"
printf '%d disturbances, %d payments, height %s, %d samples\n' "$disturbances" "$(wc -l <"$work/payments")" \
  "$(k get btcnet soak -o jsonpath='{.status.height}')" "$(wc -l <"$work/samples")"
printf '%-22s %14s %12s %6s\n' '' 'second quarter' 'last quarter' ratio
grown=''
report() { # KEY NAME COLUMN KIND
  local before after ratio
  read -r before after ratio <<<"$(compare "$work/samples" "$3" "$4")"
  printf '%-22s %14s %12s %6s\n' "$2" "$before" "$after" "$ratio"
  record figure "$1" "value=$after" "reference=$before" "ratio=$ratio"
  if [[ $1 != soak-resident ]] && ((minutes >= 60)) && awk -v r="$ratio" 'BEGIN { exit !(r > 1.25) }'; then grown+=" $2"; fi
}
report soak-resident 'resident (MiB)' 2 median
report soak-heap 'heap, least (MiB)' 3 least
report soak-goroutines 'goroutines' 4 median
while read -r at resident heap goroutines cpu; do
  record sample soak "second=$at" "resident=$resident" "heap=$heap" "goroutines=$goroutines" "cpu=$cpu"
done < <(sort -n -k1 "$work/samples")
[[ -z $grown ]] || fail "these have grown:$grown"
