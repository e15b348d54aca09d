#!/usr/bin/env bash
# Runs the benches of test/bench one after the other, keeps their results in test/bench/results, and writes docs/performance.md and its
# pictures from them. Nothing else should run on the machine meanwhile.
#
#   scripts/bench.sh           all of them, which takes half a day on two cores
#   scripts/bench.sh NAME…     those: run packed soak size memory growth machines node lightning charts daily
#   scripts/bench.sh --page    only the page, from the results that are in the clone
#
# What they need it provides: those that measure networks use the cluster of scripts/demo.sh, which runs first unless it has run in this clone
# with these sources, and keep it: it is idle beside the others, which have clusters of their own. REVISION=… is the earlier revision of daily, in
# place of its own. A bench that fails does not keep the next ones from running, and leaves the figures that it did not reach as they were.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
benches=(run packed soak size memory growth machines node lightning charts daily)
results=$root/test/bench/results
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

write_page() { (cd "$root" && go run -C test ./bench/page bench/results ../docs); }

# sources CLONE: the trees that the operator, its chart and its images are built from.
sources() { git -C "$1" rev-parse HEAD:go.mod HEAD:cmd HEAD:internal HEAD:pkg HEAD:charts HEAD:ci/images 2>/dev/null; }

operator() { # JSONPATH
  kubectl --kubeconfig "$root/.demo/kubeconfig" --request-timeout 10s get deployments -n bitcoin-controller \
    -l app.kubernetes.io/name=bitcoin-controller,app.kubernetes.io/component!=page -o jsonpath="$1"
}

# demo_runs: the demo of these sources, in a cluster that answers, and beside a registry that does.
demo_runs() {
  local here there
  here=$(sources "$root") && there=$(sources "$root/.demo/source") && [[ $here == "$there" ]] && [[ -n $(operator '{.items[*].metadata.name}' 2>/dev/null) ]] &&
    curl -sf --max-time 5 -o "$work/registry" "http://$(cat "$root/.demo/address")/v2/"
}

# use_demo sets KUBECONFIG, and BITCOIND_IMAGE to the image that its operator uses, which its cluster has.
use_demo() {
  if demo_runs; then
    info 'the cluster of the demo: running'
  else
    "$root/scripts/demo.sh" >&2
  fi
  export KUBECONFIG=$root/.demo/kubeconfig
  BITCOIND_IMAGE=$(operator '{range .items[0].spec.template.spec.containers[0].args[*]}{@}{"\n"}{end}' | sed -n 's/^--node-image=//p')
  [[ -n $BITCOIND_IMAGE ]] || die 'the operator of the demo names no image of bitcoind'
  export BITCOIND_IMAGE
}

# use_machine sets the variables of scripts/machine.sh. kubectl may be one that it has put into the cache.
use_machine() {
  eval "$("$root/scripts/machine.sh")"
  export NODE_IMAGE KIND_CONFIG BITCOIND_IMAGE
}

# use_helm puts Helm on the PATH, under its own name.
use_helm() {
  have_helm
  mkdir -p "$work/bin"
  ln -sf "$(command -v "$helm")" "$work/bin/helm"
  export PATH=$work/bin:$PATH
}

# bench NAME: runs it, with what it needs of this machine. The others call scripts/machine.sh themselves.
bench() {
  local arguments=()
  case $1 in
    run | packed | soak)
      use_machine
      use_demo
      ;;
    machines | size)
      use_machine
      use_demo
      CANDIDATE_IMAGE=$(operator '{.items[0].spec.template.spec.containers[0].image}')
      export CANDIDATE_IMAGE
      ;;
    node) use_machine ;;
    daily) arguments=(${REVISION:+"$REVISION"}) ;;
    lightning) "$root/scripts/test-tools.sh" >&2 ;;
    charts) use_helm ;;
  esac
  RESULTS=$work/$1.tsv "$root/test/bench/$1.sh" ${arguments[@]+"${arguments[@]}"}
}

# keep NAME STATUS: the results of a whole run replace the earlier ones. The figures of a failed one come after them: of each figure the last
# counts. Its samples do not, since of a series those of the last run that has any count, and they may be a part.
keep() {
  [[ -s $work/$1.tsv ]] || return 0
  if (($2 == 0)); then
    mv "$work/$1.tsv" "$results/$1.tsv"
  else
    sed '/^sample\t/d' "$work/$1.tsv" >>"$results/$1.tsv"
  fi
}

main() {
  local name at status failed=()
  for name in "$@"; do
    [[ " ${benches[*]} " == *" $name "* ]] || die "there is no bench $name; they are: ${benches[*]}"
  done
  for name in "$@"; do
    at=$SECONDS
    info "$name …"
    # Not as a condition, in which bash ignores -e.
    set +e
    (
      set -e
      bench "$name"
    )
    status=$?
    set -e
    ((status == 0)) || failed+=("$name")
    keep "$name" "$status"
    took "$name: exit code $status" "$at"
  done
  write_page || failed+=(page)
  ((${#failed[@]} == 0)) || die "these benches failed: ${failed[*]}"
}

case ${1:-} in
'') main "${benches[@]}" ;;
--page) write_page ;;
-*) die "unknown option $1; see the head of $0" ;;
*) main "$@" ;;
esac
