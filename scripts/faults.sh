#!/usr/bin/env bash
# Breaks things on purpose: the operator against a real API server and with a real bitcoind for each pod, while API calls, RPC, nodes,
# machines, clocks, volumes, operators and the specification go wrong. A seed repeats the plan of a run, which takes one to three minutes, but
# not its timing, nor which calls fail.
#
#   scripts/faults.sh [SEEDS] [SEED]   runs so many seeds, one after the other (default 5), from SEED on (default: a random one)
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
seeds=${1:-5} seed=${2:-$((RANDOM * 32768 + RANDOM))}
[[ $seeds =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || die "SEEDS and SEED must be numbers; see the head of $0"
place=$(mktemp -d)
# What a failed run leaves is kept.
finish() {
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

info "$seeds seeds from $seed on"
# The namespaces end with the run, and with them its processes, interfaces and mounts.
export FAULTS_PLACE=$place FAULTS_SEEDS=$seeds SEED=$seed REQUIRE_TOOLS=1
unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc \
  'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$0" -test.v -test.timeout 24h' "$place/faults.test"
