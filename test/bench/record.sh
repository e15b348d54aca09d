# Sourced by every bench before it changes its directory or its arguments. With RESULTS=FILE a bench also appends its figures to that file,
# for docs/performance.md; test/bench/results/README.md has the form. Titles, units and limits are in test/bench/page/figures.go alone.
# shellcheck shell=bash
bench=$(basename "$0" .sh)
bench_command="test/bench/$bench.sh${*:+ $*}"
if [[ -n ${RESULTS:-} && $RESULTS != /* ]]; then RESULTS=$PWD/$RESULTS; fi

# record figure|sample KEY NAME=VALUE…: not in a subshell, since the first call also describes the run.
record() {
  [[ -n ${RESULTS:-} ]] || return 0
  [[ -z $bench_run ]] || fields run "$bench" "command=$bench_command" "$bench_run" >>"$RESULTS"
  bench_run=''
  fields "$@" >>"$RESULTS"
}

# describe_run: the machine by what decides on its speed, and nothing that identifies it.
describe_run() {
  local top revision
  top=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
  revision=$(git -C "$top" rev-parse --short=10 HEAD)
  # The results of the benches before this one are no change of what is measured.
  git -C "$top" diff --quiet HEAD -- . ':!test/bench/results' ':!docs' || revision+=' with changes'
  fields "date=$(date -u +%F)" "revision=$revision" "go=$(go env GOVERSION)" "cores=$(nproc)" \
    "cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
    "memory=$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
    "kernel=$(uname -sr | sed 's/\([0-9][0-9]*[.][0-9][0-9]*\).*/\1/')"
}

fields() {
  local IFS=$'\t'
  printf '%s\n' "$*"
}

now() { date +%s%N; }

# seconds FROM TO: between two results of now.
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b - a) / 1e9 }'; }

# replaced POD UID: until the pod is gone, or is another one.
replaced() {
  local limit=$((SECONDS + 180))
  until [[ $(k get pod "$1" --ignore-not-found -o jsonpath='{.metadata.uid}') != "$2" ]]; do
    ((SECONDS < limit)) || { echo "$1 has not ended after three minutes" >&2 && return 1; }
    sleep 0.05
  done
}

# ready_since NETWORK: when its condition Ready changed last.
ready_since() { k get btcnet "$1" -o jsonpath='{.status.conditions[?(@.type=="Ready")].lastTransitionTime}'; }

# disturbed NETWORK SINCE: until its condition Ready is another one than that since a time. It may be true again before anybody has seen it false.
disturbed() {
  local limit=$((SECONDS + 60))
  until [[ $(ready_since "$1") != "$2" ]]; do
    ((SECONDS < limit)) || { echo "$1 was Ready all the time, for a minute" >&2 && return 1; }
    sleep 0.1
  done
}

# ratio REFERENCE VALUE: with a digit more than the limits have, so that nothing beyond a limit is rounded down to it.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b / a }'; }

# listed NUMBER…: with commas, as the field ratios has them.
listed() {
  local IFS=,
  printf '%s' "$*"
}

median() { # of the numbers in the arguments
  printf '%s\n' "$@" | sort -n | awk '{ r[NR] = $1 } END { printf "%.3f", (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2 }'
}

greatest() { printf '%s\n' "$@" | sort -g | tail -n 1; } # of the numbers in the arguments

# As it is at the beginning: the clone may be at another revision when the bench ends.
bench_run=''
if [[ -n ${RESULTS:-} ]]; then
  touch "$RESULTS" # a file that cannot be written ends the bench now, not after hours
  bench_run=$(describe_run)
fi
