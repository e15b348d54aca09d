#!/usr/bin/env bash
# Breaks things on purpose: the operator against a real API server and with a real bitcoind for each pod, while API calls, RPC, nodes,
# machines, clocks, volumes, operators and the specification go wrong. A seed repeats the plan of a run, which takes one to three minutes, but
# not its timing, nor which calls fail.
#
#   scripts/faults.sh [SEEDS] [SEED]   runs so many seeds (default 5), from SEED on (default: a random one), side by side in LANES lanes
#                                      (default: one more than cores, since a run waits for most of its time)
#
# It needs root on Linux, for network namespaces, and no Docker. A run that fails prints its seed and a timeline, and its logs are kept;
# with FAULTS_TIMELINE=1 also one that does not.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
[[ $(uname -s) == Linux && $(id -u) == 0 ]] || die 'fault runs give each pod a network namespace, which requires root on Linux'
command -v ip >/dev/null || die 'ip is not installed; install the package iproute2'
seeds=${1:-5} seed=${2:-$((RANDOM * 32768 + RANDOM))} count=${LANES:-$(($(nproc) + 1))}
for number in "$seeds" "$seed" "$count"; do
  [[ $number =~ ^(0|[1-9][0-9]*)$ ]] || die "SEEDS, SEED and LANES must be numbers; see the head of $0"
done
((seeds > 0 && count > 0)) || die "SEEDS and LANES must be 1 or more; see the head of $0"
((count < seeds)) || count=$seeds
place=$(mktemp -d) lanes=()
# What a failed run leaves is kept. A lane in the background ignores Ctrl-C.
finish() {
  if ((${#lanes[@]})); then kill "${lanes[@]}" 2>/dev/null && wait; fi
  rm -rf "$place"/{image,bitcoin-controller,faults.test,time.go,overlay.json}
  rmdir "$place" 2>/dev/null || true
}
trap finish EXIT

# clock prints the options for programs whose wall clock the test steps: their package time adds what is in a file.
clock() {
  local from=$root/test/faults/testdata/clock std
  std=$(go env GOROOT)/src/time
  sed '/^func Now() Time {$/,/^}$/ s/^\tsec, nsec, mono := runtimeNow()$/&\n\tsec += Step.Load()/' "$std/time.go" >"$place/time.go"
  grep -q 'Step.Load()' "$place/time.go" || die "time.Now of $(go version) is another one than $0 knows"
  cat >"$place/overlay.json" <<END
{"Replace": {"$std/time.go": "$place/time.go", "$std/step.go": "$from/step.go",
  "$root/cmd/bitcoin-controller/clock.go": "$from/follow.go", "$root/cmd/supervisor/clock.go": "$from/follow.go"}}
END
  echo "-overlay=$place/overlay.json"
}

programs() {
  local overlay
  overlay=$(clock)
  [[ -n ${KUBEBUILDER_ASSETS:-} ]] || "$root/ci/kindnode/programs.sh"
  (cd "$root" && "${static[@]}" go build "$overlay" -o "$place/bitcoin-controller" ./cmd/bitcoin-controller)
  # A copy: pods have links to its files.
  cp -a "$("$root/scripts/bitcoind.sh")" "$place/image"
  # As the operator's image brings it.
  (cd "$root" && "${static[@]}" go build "$overlay" -o "$place/image/run/bitcoin-controller/supervisor" ./cmd/supervisor)
  go test -C "$root/test" -tags=faults -c -o "$place/faults.test" ./faults
}
step 'fault runs: programs' built programs

# lane SEED SEEDS TESTS runs seeds one after the other, in a network of its own. Its namespaces end with it, and with them its processes,
# interfaces and mounts.
lane() {
  local output=$place/lane-$1.log
  # shellcheck disable=SC2016 # the inner shell expands it
  FAULTS_PLACE=$place FAULTS_SEEDS=$2 SEED=$1 REQUIRE_TOOLS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc \
    'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$0" -test.v -test.timeout 24h -test.run "$1"' "$place/faults.test" "$3" \
    > >(exec tee "$output" | sed -u "s/^/lane from $1: /") 2>&1
}

info "$seeds seeds from $seed on, $count side by side"
# The first lane also has the tests of the harness itself.
status=0 first=$seed tests=.
for ((i = 0; i < count; i++)); do
  share=$((seeds / count + (i < seeds % count)))
  lane "$first" "$share" "$tests" &
  lanes+=($!)
  first=$((first + share)) tests='^TestANetworkIsAsSpecifiedAfterFaults$'
done
for pid in "${lanes[@]}"; do wait "$pid" || status=1; done
lanes=()
info "$(cat "$place"/lane-*.log | grep -c -- '--- PASS: .*/seed=') of $seeds seeds passed"
((status == 0)) || die "a lane failed; its lines and logs are in $place"
rm -f "$place"/lane-*.log
