#!/usr/bin/env bash
# Shows the whole way on this machine, without any account: a commit becomes a candidate, is tested in a kind cluster and
# stays in QA; a tag is promoted to the chart repository; helm installs the operator from there, over HTTP, with no value set; a network
# of three bitcoin nodes comes up, with the image that the same pipeline built, and shares 101 blocks.
#
#   scripts/demo.sh          shows it, and leaves the network running
#   scripts/demo.sh --down   removes everything that it created
#
# Everything is below .demo/ but the images and caches that scripts/machine.sh keeps. It can be stopped at any moment and
# started again. Your clone, your kubeconfig and your Helm repositories are not touched; uncommitted changes are not shown.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin

place=$root/.demo
# shellcheck source-path=SCRIPTDIR source=local.sh
. "$root/scripts/local.sh"
# A session of its own: the server lives on when this script and its terminal are gone.
serving=("${session[@]}")
# Two clones on one machine do not meet.
cluster=demo-$(printf '%s' "$root" | "${sha256[@]}" | cut -c1-6)
namespace=bitcoin-controller
network=my-network
started=$SECONDS

export SHORT_TESTS=true DEMO_TESTS=true TESTS=network
export HELM_CACHE_HOME=$place/helm/cache HELM_CONFIG_HOME=$place/helm/config HELM_DATA_HOME=$place/helm/data

bold='' plain=''
if [[ -t 1 ]]; then bold=$'\033[1m' plain=$'\033[0m'; fi
show() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
  printf '$ %s\n' "$*"
  "${tied[@]}" "$@"
}

# alone SECONDS MESSAGE: waits so long for another one to end. Two in one clone would mix up their repositories. The lock ends
# with the script.
alone() {
  mkdir -p "$place"
  exec 9>"$place/lock"
  lock "$1" || die "$2"
}

down() {
  alone 20 'the demo still runs in this clone; stop it first'
  local name
  if [[ -x $bin/chart-promoter ]]; then
    "${within[@]}" 20 docker info >/dev/null 2>&1 ||
      die "Docker does not answer, so that the demo's cluster, $cluster, cannot be removed; start Docker, then run this again"
    for name in "$cluster" "$(cat "$place/run/cluster" 2>/dev/null || true)"; do
      [[ -z $name ]] || "$bin/chart-promoter" cluster delete "$name" --kubeconfig "$place/deleted"
    done
  fi
  stop_server
  rm -rf "$place"
  info 'the demo is removed; caches stay in '"$cache_dir"
}

# pipeline: one commit through all stages; sets the variables of ci/runresult.
# shellcheck disable=SC2154
pipeline() {
  local at=$SECONDS
  printf '$ chart-promoter run\n'
  promoter -o json run --skip-unit-tests --platform "linux/$(go env GOARCH)" >"$place/result.json"
  eval "$(cd "$root" && go run ./ci/runresult <"$place/result.json")"
  printf '  version: %s\n' "$version"
  printf '  image: %s\n' "${images[@]}"
  ((${#published[@]} == 0)) || printf '  promoted: %s\n' "${published[@]}"
  ((${#skipped[@]} == 0)) || printf '  skipped: %s\n' "${skipped[@]}"
  took "$1" "$at"
}

k() { "${tied[@]}" kubectl --kubeconfig "$place/kubeconfig" "$@"; }
cli() {
  local pod=$1
  shift
  k exec -n default "$pod" -c bitcoind -- /usr/local/bin/bitcoin-cli -regtest -conf=/bitcoin.conf "$@"
}

# prepare_cluster creates the demo's own cluster when the tests begin to install the release, since they wait most of the time from then on.
# The cluster gets the release's images of the operator and the nodes: it does not reach the registry, which is on this machine. The creation
# ends with the script, with setpriv also when that is killed, and has the lock until then.
prepare_cluster() {
  rm -f "$place/run/kubeconfig" "$place/tested"
  (
    until [[ -e $place/tested ]] || tests_install; do
      kill -0 $$ 2>/dev/null || exit 1
      sleep 2
    done
    # The images that the build has noted, in the form of a whole result.
    eval "$(printf '{"version": {"chartVersion": "-"}, "build": %s}' "$(<"$place/run/build.json")" | (cd "$root" && go run ./ci/runresult))"
    kill -0 $$ 2>/dev/null || exit 1
    exec "${promoter[@]}" --work-dir "$place/own" cluster create "$cluster" "${images[@]:0:2}" --kubeconfig "$place/kubeconfig"
  ) >"$place/cluster.log" 2>&1 &
  preparing=$!
  trap 'kill "$preparing" 2>/dev/null && wait "$preparing" 2>/dev/null || true' EXIT
}

# tests_install: whether the tests' cluster has the namespace of the release.
tests_install() {
  [[ -s $place/run/kubeconfig ]] && kubectl --kubeconfig "$place/run/kubeconfig" --request-timeout 5s get namespace $namespace >/dev/null 2>&1
}

install() {
  local at=$SECONDS shown
  touch "$place/tested"
  wait "$preparing" || { cat "$place/cluster.log" && die "the cluster $cluster cannot be created"; }
  trap - EXIT
  took "a fresh cluster, $cluster: created beside the tests, waited for" "$at"
  run "$helm" repo add --force-update bitcoin-controller "http://$address/charts"
  run "$helm" repo update bitcoin-controller
  shown=$("$helm" show values bitcoin-controller/bitcoin-controller --version "$version" --jsonpath '{.image.digest}')
  # shellcheck disable=SC2154 # the variables of ci/runresult
  [[ $shown == "$digest" ]] || die "the published chart names the digest $shown, but $image was built"
  run "$helm" install bitcoin-controller bitcoin-controller/bitcoin-controller --kubeconfig "$place/kubeconfig" \
    --namespace $namespace --create-namespace --wait --timeout 5m >"$place/helm.log" ||
    { cat "$place/helm.log" && die 'helm install failed'; }
  head -n 7 "$place/helm.log"
  local installed
  installed=$("$helm" list --kubeconfig "$place/kubeconfig" -n $namespace -o json)
  [[ $installed == *"bitcoin-controller-$version\""* ]] || die "helm installed $installed, not the released $version"
}

# plugin: kubectl-btcnet of the release, as its users get it from beside the package.
plugin() {
  git --git-dir "$place/prod.git" show "main:bitcoin-controller-$version.files/kubectl-btcnet_$(go env GOOS)_$(go env GOARCH).tar.gz" |
    tar -xz -C "$bin" kubectl-btcnet kubectl_complete-btcnet
}

digest_runs() {
  local id
  id=$(k get pods -n $namespace -l app.kubernetes.io/name=bitcoin-controller -o jsonpath='{.items[0].status.containerStatuses[0].imageID}')
  printf 'built:   %s\nrunning: %s\n' "$digest" "$id"
  [[ $id == *@$digest ]] || die 'the operator runs another image than the one that was built'
}

# nodes_digest_runs: the chart names the nodes' image, which is the second that the pipeline builds.
nodes_digest_runs() {
  local ids id
  ids=$(k get pods -n default -l "app.kubernetes.io/name=bitcoind,app.kubernetes.io/instance=$network" -o jsonpath='{.items[*].status.containerStatuses[?(@.name=="bitcoind")].imageID}')
  printf 'built:   %s\n' "${images[1]##*@}"
  for id in $ids; do
    printf 'running: %s\n' "$id"
    [[ $id == *@"${images[1]##*@}" ]] || die 'a node runs another image than the one that was built'
  done
  [[ -n $ids ]] || die 'no node of the network was found'
}

nodes() {
  k apply -n default -f - <<END
apiVersion: v1
kind: Secret
metadata:
  name: bitcoin-default-secret
stringData:
  BC_RPC_USER: user
  BC_RPC_PASSWORD: password
---
apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata:
  name: $network
spec:
  nodes: 3
  secret: bitcoin-default-secret
END
  run kubectl --kubeconfig "$place/kubeconfig" wait -n default --for=condition=Ready --timeout=5m "bitcoinnetwork/$network"
  run kubectl --kubeconfig "$place/kubeconfig" get btcnet -n default
}

blocks() {
  printf '$ bitcoin-cli generatetodescriptor 101 …   (on %s-sts-0)\n' $network
  cli $network-sts-0 generatetodescriptor 101 'raw(51)' | tail -n 2 || die "$network-sts-0 does not mine"
  local i height hash first='' deadline=$((SECONDS + 120))
  for i in 0 1 2; do
    while :; do
      height=$(cli $network-sts-$i getblockcount) || die "$network-sts-$i does not report how many blocks it has"
      if [[ $height == 101 ]]; then break; fi
      ((SECONDS < deadline)) || die "$network-sts-$i has $height blocks after two minutes, not 101"
      sleep 0.5
    done
    hash=$(cli $network-sts-$i getbestblockhash) || die "$network-sts-$i does not report its best block"
    [[ $hash =~ ^[0-9a-f]{64}$ ]] || die "$network-sts-$i names no block: $hash"
    printf '%s-sts-%s: %s blocks, best %s\n' $network "$i" "$height" "$hash"
    [[ $hash == "${first:=$hash}" ]] || die 'the nodes are not on one chain'
  done
}

main() {
  alone 120 'the demo runs already in this clone'
  git -C "$root" diff --quiet HEAD 2>/dev/null || info 'uncommitted changes are not part of the demo'
  show '1. What this machine needs'
  eval "$("$root/scripts/machine.sh")"
  export NODE_IMAGE KIND_CONFIG BITCOIND_IMAGE
  have_kubectl
  have_helm
  build_tool
  # The cluster of an earlier run is created again in any case; without it the tests have more of the machine.
  "$bin/chart-promoter" cluster delete "$cluster" --kubeconfig "$place/kubeconfig" >/dev/null
  repositories
  serve
  info "registry: $address, chart repository: http://$address/charts"

  show '2. A commit without a tag: built, packaged as a candidate, tested in QA, and not promoted'
  commit 'A change'
  pipeline 'an untagged commit'
  [[ ${#published[@]} == 0 && ${skipped[*]-} == *'prod promote:'* ]] || die 'the untagged commit was promoted'

  show '3. A release: the same way, and on to prod'
  commit 'Another change, to be released'
  printf '$ chart-promoter release minor\n'
  promoter release minor | tee "$place/release" | sed 's/^/  /'
  prepare_cluster
  pipeline 'a tag'
  [[ " ${published[*]-} " == *" prod $version "* ]] || die 'the tag was not promoted'
  promoter status --limit 4
  git --git-dir "$place/prod.git" show main:index.html | grep -c 'helm repo add' >/dev/null || die 'the chart repository has no page'

  show '4. helm installs the operator from the prod repository, over HTTP, with no value set'
  install
  plugin
  digest_runs

  show '5. A network of three bitcoin nodes, with the image that the chart names'
  nodes
  nodes_digest_runs

  show '6. 101 blocks, mined on one node, reach all'
  blocks
  run kubectl --kubeconfig "$place/kubeconfig" wait -n default --for=jsonpath='{.status.height}'=101 --timeout=1m "bitcoinnetwork/$network"
  run kubectl --kubeconfig "$place/kubeconfig" get btcnet -n default

  show "All of it works, $((SECONDS - started)) s. The network is running:"
  how_to_go_on
}

how_to_go_on() {
  # shellcheck disable=SC2016 # the reader's PATH
  printf '  export PATH=$PATH:%q\n' "$bin${KUBECTL_DIR:+:$KUBECTL_DIR}"
  cat <<END
  export KUBECONFIG=$place/kubeconfig
  kubectl get btcnet,pods
  kubectl exec $network-sts-1 -c bitcoind -- bitcoin-cli -regtest -conf=/bitcoin.conf getblockchaininfo
  kubectl scale btcnet $network --replicas=4
  kubectl btcnet ui             the live page; kubectl btcnet --help has what else the plugin does
  http://$address/charts/       the chart repository as its users see it; status.html beside it is the pipeline's
  scripts/demo.sh --down        removes all of it
END
}

case ${1:-} in
'') main ;;
--down) down ;;
*) die "unknown option $1; see the head of $0" ;;
esac
