#!/usr/bin/env bash
# Runs the tests: those that need nothing but Go, then those with real nodes in a kind cluster, as a candidate is tested in QA: the image is
# built, the chart packaged and installed, and `go test -C test -tags=e2e` runs against it. Uncommitted changes are tested too. A chart in a
# registry is verified with cosign.
#
#   scripts/test.sh            those without a cluster, which Go does not repeat where nothing has changed, and the short ones with a cluster,
#                              among them all of docs/threat-model.md: a quarter of an hour on two cores, and six minutes when they run again
#   scripts/test.sh --all      all but fault runs (scripts/faults.sh), in an hour: those without a cluster with the race detector, and none from
#                              Go's cache; the long ones with a cluster, the other ones of Lightning networks, the chart as it is installed,
#                              upgraded, rolled back and uninstalled in a cluster of its own, and networks that lose cluster nodes in one of three
#   scripts/test.sh --unit     only those that need no cluster; also with --all
#   scripts/test.sh --cluster  only those that need one; also with --all
#
# With a cluster, RUN_TESTS=PATTERN runs those of test/network whose names match, the long ones included. TESTS=DIRECTORY runs those of
# test/DIRECTORY too, all of them. Both also choose with --all. See ci/pipeline.yaml.
#
# The last lines name what failed and count the tests: "N passed, N failed, N skipped". A test with subtests counts once. Nothing is
# left behind but what scripts/machine.sh keeps.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
place=$(mktemp -d)
# shellcheck source-path=SCRIPTDIR source=local.sh
. "$root/scripts/local.sh"
# test/lifecycle and test/machines write the names of their clusters here, for finish.
export LIFECYCLE_NOTE=$place/lifecycle-cluster MACHINES_NOTE=$place/machines-cluster

# What test/results adds up at the end, and what failed without a failed test.
reports=() scripts=() broken=()
# Options: all is not empty for --all, and part is --unit, --cluster or empty.
all='' part=''

unit() {
  local at=$SECONDS how=() out=$place/unit.json status=0 module
  if [[ $all ]]; then
    how=(-count=1 -race)
    if ! command -v gcc >/dev/null && ! command -v cc >/dev/null; then
      info 'no C compiler, so no race detector'
      how=(-count=1)
    fi
  fi
  for module in . pkg test; do
    # Go repeats a test when a file of its module has changed. It does not see the others that a test reads, such as programs and, in the module
    # test, the chart: they are in the name of a test that does not exist, which is a part of the key in Go's cache.
    [[ $all ]] || how=(-skip "^$(unseen "$module")\$")
    # A test that needs an engine fails where one runs, too. The address is always the same, since Go repeats a test that reads another one.
    DOCKER_HOST=unix:///dev/null go test -C "$root/$module" ${how[@]+"${how[@]}"} -timeout 40m -json ./... >>"$out" 2>>"$place/unit.err" || status=$?
  done
  reports+=("$out")
  go run -C "$root/test" ./results "$out" >/dev/null || true
  if ((status)); then
    broken+=('the tests without a cluster')
    cat "$place/unit.err" >&2
  fi
  took 'tests without a cluster: done' "$at"
}

# unseen MODULE: a hash of the files that its tests read outside of it.
unseen() {
  { ls "$cache_dir/bin" 2>/dev/null || true; } >"$place/unseen"
  [[ $1 != test ]] || working_tree >>"$place/unseen" || date +%s >>"$place/unseen"
  "${sha256[@]}" <"$place/unseen" | cut -c1-32
}

# What is published to a registry, with oras and cosign. They are built the first time, which takes ten minutes on two cores.
registry_tests() {
  local at=$SECONDS out=$place/registry.json
  go test -C "$root/test" -tags=e2e -count=1 -timeout 60m -json ./registry >"$out" 2>"$place/registry.err" || {
    broken+=('the tests with oras and cosign')
    cat "$place/registry.err" >&2
  }
  reports+=("$out")
  took 'tests with oras and cosign: done' "$at"
}

# The tests of the scripts need one core for some seconds, and no cluster: they run beside its tests, which come first.
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
      scripts+=(-passed "$name")
    else
      scripts+=(-failed "$name")
      cat "$place/${name##*/}.log" >&2
    fi
  done
  took 'tests of the scripts: done, waited for' "$at"
}

# The tests call kubectl-btcnet. It is built before the cluster exists, which would take the processor time from the compiler.
build_plugin() {
  local at=$SECONDS
  export KUBECTL_BTCNET=$bin/kubectl-btcnet
  (cd "$root" && "${static[@]}" go build -ldflags='-s -w' -o "$KUBECTL_BTCNET" ./cmd/kubectl-btcnet)
  took 'kubectl-btcnet: built' "$at"
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
  unset SHORT_TESTS DEMO_TESTS
  # What is left out is not even compiled.
  if [[ $all || ${TESTS:-} ]]; then
    :
  elif [[ ${RUN_TESTS:-} ]]; then
    export TESTS=network
  else
    export SHORT_TESTS=true TESTS=lightning
  fi
  [[ ${TESTS:-} == network ]] || export LIFECYCLE_TESTS=true
  build_tool
  build_plugin
  repositories
  serve
  tree=$(working_tree) || die 'the files under test cannot be read; see the message of git above'
  commit 'The files under test' "$tree"
  promoter run --skip-unit-tests --platform "linux/$(go env GOARCH)" >"$place/result" || status=$?
  if [[ -e $place/run/junit.xml ]]; then
    reports+=("$place/run/junit.xml")
  elif ((status == 0)); then
    status=1
    info 'the tests with a cluster left no report'
  fi
  ((status == 0)) || broken+=('the tests with a cluster')
  took 'tests with a cluster: done' "$at"
}

finish() {
  stop_server
  # The tests of the scripts end by themselves, in seconds, and write to this directory until then.
  wait 2>/dev/null || true
  local note name
  for note in "$place/run/cluster" "$LIFECYCLE_NOTE" "$MACHINES_NOTE"; do
    name=$(cat "$note" 2>/dev/null || true)
    [[ -z $name ]] || "$bin/chart-promoter" cluster delete "$name" --kubeconfig "$place/deleted" >&2 || true
  done
  # A killed run may leave files that cannot be written.
  chmod -R u+w "$place" 2>/dev/null || true
  rm -rf "$place"
}
trap finish EXIT

[[ -z ${TESTS:-} || -n $(compgen -G "$root/test/$TESTS/*_test.go") ]] ||
  die "TESTS is $TESTS, and test/$TESTS has no tests: name a directory below test, such as lightning"
for option in "$@"; do
  case $option in
    --all) all=true ;;
    --unit | --cluster)
      [[ -z $part || $part == "$option" ]] || die "$part and $option exclude each other; without them, both run"
      part=$option
      ;;
    *) die "unknown option $option; see the head of $0" ;;
  esac
done
if [[ $part != --cluster ]]; then
  unit
  registry_tests
  scripts_tests &
  beside=$!
fi
[[ $part == --unit ]] || integration
[[ $part == --cluster ]] || count_scripts_tests
((${#broken[@]} == 0)) || printf 'failed: %s\n' "${broken[@]}"
go run -C "$root/test" ./results -brief ${scripts[@]+"${scripts[@]}"} ${reports[@]+"${reports[@]}"} || exit 1
((${#broken[@]} == 0))
