#!/usr/bin/env bash
# Runs all tests: those that need nothing but Go, with the race detector, then the integration tests with real nodes in a
# kind cluster, the way a candidate is tested in QA: the image is built, the chart packaged and installed, and
# `go test -C test -tags=e2e` runs against it. Uncommitted changes are tested too.
#
#   scripts/test.sh          all of them
#   scripts/test.sh --unit   only those that need no cluster
#
# With LIFECYCLE_TESTS=true the chart is also installed, upgraded, rolled back and taken away in a cluster of its own, which
# takes three minutes more.
#
# The last lines name what failed and say how many passed and failed. Nothing is left behind but what scripts/machine.sh keeps.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
place=$(mktemp -d)
# shellcheck source-path=SCRIPTDIR source=local.sh
. "$root/scripts/local.sh"
# The tests of the chart's life write the name of their cluster here, for finish.
export LIFECYCLE_NOTE=$place/lifecycle-cluster

passed=0 failed=0 skipped=0 broken=()

# count FILE: adds the results in a stream of go test -json.
count() {
  local result
  for result in pass fail skip; do
    local n
    n=$(grep -c "^{.*\"Action\":\"$result\".*\"Test\":" "$1" || true)
    case $result in
    pass) passed=$((passed + n)) ;;
    fail) failed=$((failed + n)) ;;
    skip) skipped=$((skipped + n)) ;;
    esac
  done
}

unit() {
  local at=$SECONDS race=true out=$place/unit.json status=0
  if ! command -v gcc >/dev/null && ! command -v cc >/dev/null; then
    say 'no C compiler, so no race detector'
    race=false
  fi
  local module
  for module in . pkg test; do
    go test -C "$root/$module" -race=$race -timeout 40m -json ./... >>"$out" 2>>"$place/unit.err" || status=$?
  done
  count "$out"
  if ((status)); then
    broken+=("the tests without a cluster: $(failures "$out" | paste -sd' ' -)")
    explain "$out"
    cat "$place/unit.err" >&2
  fi
  took 'tests without a cluster: done' "$at"
  slowest "$out"
}

# slowest FILE: the packages of a stream of go test -json that took ten seconds and more; Go answers from its cache for the
# others that did not change.
slowest() {
  sed -En 's/^\{.*"Action":"(pass|fail)","Package":"([^"]*)","Elapsed":([0-9.]*)\}$/\3 \2/p' "$1" | sort -rn |
    awk '$1 >= 10 { printf "    %s took %d s\n", $2, $1 }' >&2
}

# failures FILE: the names of the failed tests in a stream of go test -json.
failures() {
  sed -n 's/^{.*"Action":"fail","Package":"[^"]*","Test":"\([^"]*\)".*/\1/p' "$1" | sort -u
}

# explain FILE: what the failed tests of a stream of go test -json printed.
explain() {
  local test wanted=(-e '"Action":"build-output"' -e 'panic:')
  while read -r test; do wanted+=(-e "\"Test\":\"$test\""); done < <(failures "$1")
  grep -E '"Action":"(build-)?output"' "$1" | grep -F "${wanted[@]}" |
    sed 's/.*"Output":"\(.*\)"}$/\1/; s/\\n$//; s/\\t/    /g; s/\\"/"/g' >&2 || true
}

# The tests of the scripts need one core for some seconds, and nothing of the cluster: they run in what its tests leave of the machine.
scripts_tests() {
  local name
  for name in scripts/scripts_test.sh scripts/airgap/ordinary_test.sh; do
    nice "$root/$name" >"$place/${name##*/}.log" 2>&1 && touch "$place/${name##*/}.passed"
  done || true
}

count_scripts_tests() {
  local at=$SECONDS name
  wait "$beside"
  for name in scripts/scripts_test.sh scripts/airgap/ordinary_test.sh; do
    if [[ -e $place/${name##*/}.passed ]]; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1)) && broken+=("$name")
      cat "$place/${name##*/}.log" >&2
    fi
  done
  took 'tests of the scripts: done, waited for' "$at"
}

# working_tree: the files as they are, as a tree in this clone's object store, without touching its index.
working_tree() {
  local index=$place/index
  cp "$(git -C "$root" rev-parse --path-format=absolute --git-path index 2>/dev/null || echo "$root/.git/index")" "$index" 2>/dev/null || true
  GIT_INDEX_FILE=$index git -C "$root" add -A && GIT_INDEX_FILE=$index git -C "$root" write-tree
}

integration() {
  local at=$SECONDS status=0 tree
  eval "$("$root/scripts/machine.sh")"
  export NODE_IMAGE KIND_CONFIG BITCOIND_IMAGE
  # What would be left out is not compiled either.
  [[ ${LIFECYCLE_TESTS:-} == true ]] || export TESTS=${TESTS:-network}
  build_tool
  repositories
  serve
  tree=$(working_tree) || die 'the files under test cannot be read; see what git says above'
  commit 'The files under test' "$tree"
  promoter run --skip-unit-tests --platform "linux/$(go env GOARCH)" >"$place/result" || status=$?
  local counted
  counted=$(sed -n 's/.*<testsuite .*tests="\([0-9]*\)" failures="\([0-9]*\)" skipped="\([0-9]*\)".*/\1 \2 \3/p' "$place/work/junit.xml" 2>/dev/null |
    awk '{t += $1; f += $2; s += $3} END {if (NR) print t - f - s, f, s}')
  if [[ $counted ]]; then
    local p f k
    read -r p f k <<<"$counted"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + k))
  elif ((status == 0)); then
    status=1
    say 'the integration tests left no report'
  fi
  ((status == 0)) || broken+=('the integration tests')
  took 'tests with a cluster: done' "$at"
}

finish() {
  stop_server
  # They end by themselves, in seconds, and write to this directory until then.
  wait 2>/dev/null || true
  local note name
  for note in "$place/work/cluster" "$LIFECYCLE_NOTE"; do
    name=$(cat "$note" 2>/dev/null || true)
    [[ -z $name ]] || "$bin/chart-promoter" cluster delete "$name" --kubeconfig "$place/deleted" >&2 || true
  done
  # Go makes what it downloads read-only; nothing of that is here, but a killed run may have left odd modes.
  chmod -R u+w "$place" 2>/dev/null || true
  rm -rf "$place"
}
trap finish EXIT

case ${1:-} in
'' | --unit) ;;
*) die "there is no option $1; see the head of $0" ;;
esac
unit
scripts_tests &
beside=$!
[[ ${1:-} == --unit ]] || integration
count_scripts_tests
((${#broken[@]} == 0)) || printf 'failed: %s\n' "${broken[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((${#broken[@]} == 0 && failed == 0))
