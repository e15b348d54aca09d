#!/usr/bin/env bash
# What developers run daily, in an earlier revision and in this one, in turn. Both are worktrees in a temporary directory with caches of their
# own. Like run.sh it prints figures and has no limit.
#
#   [PARTS='demo cluster network nodeimage'] [ROUNDS=2] test/bench/daily.sh [REVISION]      default: the revision below, and demo and cluster
#
#   demo       scripts/demo.sh, which has run before; its cluster is deleted outside of the time, so that neither revision runs beside that of the other
#   cluster    scripts/test.sh --cluster, which has run before; revisions without --all run the long tests too
#   network    all tests of test/network, by scripts/test.sh --cluster, with --all where it has that
#   nodeimage  ci/kindnode/build.sh with no image and no cache but the downloaded Go modules: compiler, Debian packages and images. It needs root
#              on Debian, and 12 GB in the temporary directory
#
# Uncommitted changes are not measured. At the end worktrees, clusters, caches and the images that it has added are removed, and the node images
# that existed before are back under their names. Nothing else that uses Docker should run meanwhile; the demo of scripts/bench.sh is idle under
# both revisions. A run that fails is repeated once, and a part that fails again does not keep the next ones from running.
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../scripts/step.sh
. "$root/scripts/step.sh"
read -ra parts <<<"${PARTS:-demo cluster}"
rounds=${ROUNDS:-2}
# The limits in figures.go are targets against this one fixed state: before the fault runs, Lightning and the later parts of the plugin came.
base=a3f8bd5cf57c0e14b6037352326dcde119be6df3
revision=${1:-$base}
against=$(git -C "$root" rev-parse --quiet --verify --short=10 "$revision^{commit}") || die "the clone has no commit $revision: name the earlier revision"
for part in "${parts[@]}"; do
  [[ " demo cluster network nodeimage " == *" $part "* ]] || die "there is no part $part; they are: demo cluster network nodeimage"
done
# shellcheck disable=SC2034 # record reads it
bench_command="PARTS='${parts[*]}' ROUNDS=$rounds test/bench/daily.sh $against"
work=$(mktemp -d)
label=daily-$$
GOCACHE=$(go env GOCACHE)
export GOCACHE

images() { docker image ls --format '{{.Repository}}:{{.Tag}}' --filter "reference=bitcoin-controller/$1"; }

# hold keeps the node images: building that of another revision removes each that no container uses.
hold() {
  local image
  for image in $(images 'kindnode*'); do
    grep -qsxF "$image" "$work/held" && continue
    docker create --label "$label" "$image" true >/dev/null
    echo "$image" >>"$work/held"
  done
}

# set_aside takes the node images' names away, so that they are built. The images stay, under other names.
set_aside() {
  local image number=0
  for image in $(images 'kindnode*'); do
    number=$((number + 1))
    docker tag "$image" "$label:$number"
    echo "$label:$number $image" >>"$work/aside"
    docker rmi "$image" >/dev/null
  done
}

remove_node_images() { images 'kindnode*' | xargs -r docker rmi >/dev/null; }

put_back() {
  local aside image
  [[ -e $work/aside ]] || return 0
  remove_node_images
  while read -r aside image; do
    docker tag "$aside" "$image"
    docker rmi "$aside" >/dev/null
  done <"$work/aside"
  rm "$work/aside"
}

remove_demos() {
  local which
  for which in before after; do
    [[ ! -e $work/$which/.demo ]] || inside "$which" scripts/demo.sh --down >/dev/null 2>&1
  done
}

# finish does not end where one of its steps fails.
finish() {
  set +e
  remove_demos
  put_back
  docker ps -aq --filter "label=$label" | xargs -r docker rm --force >/dev/null
  [[ ! -e $work/images ]] || images '*' | grep -vxF -f "$work/images" | xargs -r docker rmi >/dev/null
  chmod -R u+w "$work"
  rm -rf --one-file-system "$work"
  git -C "$root" worktree prune
}
trap finish EXIT

# inside before|after COMMAND…: in the worktree.
inside() {
  local which=$1
  shift
  (cd "$work/$which" && XDG_CACHE_HOME=${cache:-$work/cache-$which} "$@")
}

# logged WHAT COMMAND…: shows the output only of a command that fails.
logged() {
  local what=$1
  shift
  "$@" >"$work/log" 2>&1 </dev/null && return
  tail -n 25 "$work/log" >&2
  echo "error: $what failed" >&2
  return 1
}

first_demo() {
  logged "scripts/demo.sh ($1)" inside "$1" scripts/demo.sh || return 1
  after_demo "$1"
}
run_demo() { logged "scripts/demo.sh ($1)" inside "$1" scripts/demo.sh; }
after_demo() {
  local context
  context=$(kubectl --kubeconfig "$work/$1/.demo/kubeconfig" config current-context)
  logged "the deletion of ${context#kind-}" "$work/$1/.demo/bin/chart-promoter" cluster delete "${context#kind-}" --kubeconfig "$work/$1/.demo/kubeconfig"
}

# A demo that has failed would go on where it was.
again_demo() {
  logged "scripts/demo.sh --down ($1)" inside "$1" scripts/demo.sh --down
  [[ $2 == first ]] || first_demo "$1"
}

first_cluster() { run_cluster "$1"; }
run_cluster() { logged "scripts/test.sh --cluster ($1)" inside "$1" scripts/test.sh --cluster; }
after_cluster() { :; }
again_cluster() { :; }

# The part cluster has compiled all of it before.
first_network() { [[ " ${parts[*]} " == *' cluster '* ]] || run_network "$1"; }
run_network() {
  local options=(--cluster)
  ! grep -q -- '--all' "$work/$1/scripts/test.sh" || options+=(--all)
  logged "scripts/test.sh ${options[*]} ($1)" inside "$1" env TESTS=network scripts/test.sh "${options[@]}"
}
after_network() { :; }
again_network() { :; }

first_nodeimage() {
  local module
  for module in "$work/$1"/ci/kindnode/*/go.mod "$work/$1/go.mod"; do
    logged "the download of the modules of $module" env GOWORK=off go -C "$(dirname "$module")" mod download || return 1
  done
}
run_nodeimage() { cache=$work/empty GOCACHE=$work/empty/go-build logged "ci/kindnode/build.sh ($1)" inside "$1" ci/kindnode/build.sh; }
after_nodeimage() {
  remove_node_images
  rm -rf --one-file-system "$work/empty"
}

again_nodeimage() { after_nodeimage; }

# attempt first|run PART before|after: it began at start. What fails is repeated once, from the state of before it: the cluster tests of an
# earlier revision may have one that fails at times.
attempt() {
  start=$(now)
  if "$1_$2" "$3"; then return; fi
  info "$2 ($3): once more"
  "again_$2" "$3" "$1"
  start=$(now)
  "$1_$2" "$3"
}

# compare PART writes the fields of its figure to a file.
compare() {
  local which round start took before=() after=() ratios=()
  for which in before after; do
    info "$1: the first time ($which)"
    attempt first "$1" "$which"
    hold
  done
  [[ $1 != nodeimage ]] || set_aside
  for ((round = 1; round <= rounds; round++)); do
    for which in before after; do
      attempt run "$1" "$which"
      took=$(seconds "$start" "$(now)")
      "after_$1" "$which"
      if [[ $which == before ]]; then before+=("$took"); else after+=("$took"); fi
    done
    ratios+=("$(ratio "${before[-1]}" "${after[-1]}")")
    printf '%-10s %-6s %9ss %9ss %8s\n' "$1" "$round" "${before[-1]}" "${after[-1]}" "${ratios[-1]}"
  done
  [[ $1 != nodeimage ]] || put_back
  printf '%-10s %-6s %30s\n' "$1" median "$(median "${ratios[@]}")"
  printf '%s\n' "value=$(median "${after[@]}")" "reference=$(median "${before[@]}")" "ratio=$(median "${ratios[@]}")" \
    "ratios=$(listed "${ratios[@]}")" "rounds=$rounds" "against=$against" >"$work/figure"
}

# It starts the engine, and installs what building a node image takes: that is no time of either revision.
prepare() {
  eval "$("$root/scripts/machine.sh")"
  images '*' >"$work/images"
  hold
  git -C "$root" worktree add --quiet --detach "$work/before" "$against"
  git -C "$root" worktree add --quiet --detach "$work/after" HEAD
  [[ " ${parts[*]} " == *' nodeimage '* ]] || return 0
  if [[ $(id -u) != 0 ]] || ! grep -qsx 'ID=debian' /etc/os-release; then die 'the part nodeimage requires root on Debian'; fi
  # shellcheck source-path=SCRIPTDIR source=../../scripts/airgap/apt.sh
  . "$root/scripts/airgap/apt.sh"
  apt_install mmdebstrap
}

prepare
printf '%-10s %-6s %10s %10s %8s\n' part round "$against" now ratio
declare -A keys=([demo]=daily-demo [cluster]=daily-cluster-tests [network]=daily-network-tests [nodeimage]=daily-node-image)
failed=()
for part in "${parts[@]}"; do
  # Not as a condition, in which bash ignores -e.
  set +e
  (
    set -e
    compare "$part"
  )
  status=$?
  set -e
  if ((status == 0)); then
    mapfile -t figure <"$work/figure"
    record figure "${keys[$part]}" "${figure[@]}"
  else
    failed+=("$part")
    remove_demos || true
    put_back
  fi
done
((${#failed[@]} == 0)) || die "these parts failed: ${failed[*]}"
