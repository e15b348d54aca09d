#!/usr/bin/env bash
# Makes sure that this machine can run kind and has the images that the demo and the tests need.
# Reports on stderr what it does and how long that took. Prints shell assignments on stdout:
#
#   eval "$(scripts/machine.sh)"
#
#   NODE_IMAGE      the node image for kind
#   KIND_CONFIG     the kind configuration that goes with it
#   BITCOIND_IMAGE  the bitcoind image, in Docker's store
#   AIRGAP          1 when the node image was built here because no registry can be reached, else 0
#   KUBECTL_DIR     where kubectl was put because the PATH had none; else empty
#   PATH            with that directory; only when there is one
#
# The ordinary way is a running Docker and kind's own node image. Where Docker is missing (root on
# Debian) or the image cannot be had, scripts/airgap and ci/kindnode build both from Debian packages and
# Go modules. Everything is kept until it was not used for 30 days; a second run takes a second.
#
# BC_PULL_TIMEOUT  seconds that a registry has to answer, default 20
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"

ensure_go() {
  command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || die 'Go is not installed; see https://go.dev/doc/install'
}

ensure_docker() {
  if "${within[@]}" 20 docker info >/dev/null 2>&1; then
    info 'docker engine: running'
    return
  fi
  if ! can_airgap; then
    die 'Docker is not running; start it (as root on Debian this script would install and start it by itself)'
  fi
  "$root/scripts/airgap/engine.sh" start >&2
}

can_airgap() { [[ $(id -u) == 0 ]] && grep -qsx 'ID=debian' /etc/os-release; }

# pinned_node_image: the node image, with its digest, that this module's version of kind was released with.
pinned_node_image() {
  local image
  image=$(cd "$root" && go run ./ci/nodeimage)
  [[ $image == */*@sha256:* ]] || die "kind's default node image has no digest: $image"
  echo "$image"
}

# pull NAME IMAGE: pulls, and reports how that went. A registry that does not answer for BC_PULL_TIMEOUT counts as
# absent; once it answers, the transfer has 15 minutes. Docker itself would wait several times as long.
pull() {
  local progress pid reason started=$SECONDS
  info "$1 ${2%@*}: pulling …"
  progress=$(mktemp)
  "${within[@]}" 900 docker pull "$2" >"$progress" 2>&1 </dev/null 9>&- &
  pid=$!
  while [[ ! -s $progress ]] && kill -0 "$pid" 2>/dev/null && ((SECONDS - started < ${BC_PULL_TIMEOUT:-20})); do sleep 0.1; done
  if [[ ! -s $progress ]]; then kill "$pid" 2>/dev/null || true; fi
  if wait "$pid"; then
    rm -f "$progress"
    info "$1 ${2%@*}: pulled ($((SECONDS - started)) s)"
    return
  fi
  reason=$(tail -n 1 "$progress")
  rm -f "$progress"
  info "$1 ${2%@*}: cannot be pulled ($((SECONDS - started)) s): ${reason:-the registry does not answer}"
  can_airgap || die "the image cannot be pulled, and building it requires root on Debian; try again, or run: docker pull $2"
  return 1
}

node_image() {
  NODE_IMAGE=$(pinned_node_image) KIND_CONFIG=$root/ci/kind.yaml AIRGAP=0
  if have_image "$NODE_IMAGE"; then
    info "node image ${NODE_IMAGE%@*}: cached"
    return
  fi
  local built=''
  if can_airgap; then built=$("$root/ci/kindnode/build.sh" --name); fi
  if [[ -n $built ]] && have_image "$built"; then
    info "node image $built: cached"
  elif pull 'node image' "$NODE_IMAGE"; then
    return
  else
    "$root/ci/kindnode/build.sh" >&2
  fi
  NODE_IMAGE=$built KIND_CONFIG=$root/ci/kindnode/kind.yaml AIRGAP=1
}

bitcoind_image() {
  local context=$root/ci/images/bitcoind
  BITCOIND_IMAGE=bitcoin-controller/bitcoind:knots-$(cd "$context" && key_of "$(uname -m)" -- . ../oci)
  if have_image "$BITCOIND_IMAGE"; then
    info "bitcoind image $BITCOIND_IMAGE: cached"
    return
  fi
  # What works without a registry takes packages from where apt does, which may not have its lists yet.
  if [[ $AIRGAP == 1 && -z ${DEBIAN_MIRROR:-} ]]; then
    # shellcheck source-path=SCRIPTDIR source=airgap/apt.sh
    DEBIAN_MIRROR=$(. "$root/scripts/airgap/apt.sh" && apt_mirror)
    export DEBIAN_MIRROR
  fi
  step "bitcoind image $BITCOIND_IMAGE" built bitcoind_image_now
}

# bitcoind_image_now: the image that the pipeline publishes, for this machine alone.
bitcoind_image_now() {
  local file=$cache_dir/bitcoind.tar
  (cd "$root" && go run ./ci/images/bitcoind archive "$file" "$BITCOIND_IMAGE" "linux/$(go env GOARCH)")
  docker load --input "$file"
  rm -f "$file"
}

# kubectl_command: every node image has one, of the right version, for Linux.
kubectl_command() {
  KUBECTL_DIR=
  if command -v kubectl >/dev/null || [[ $(uname -s) != Linux ]]; then return; fi
  KUBECTL_DIR=$cache_dir/kubectl-$("${sha256[@]}" <<<"$NODE_IMAGE" | cut -c1-12)
  [[ -x $KUBECTL_DIR/kubectl ]] || step 'kubectl' 'taken from the node image' copy_kubectl "$KUBECTL_DIR"
  touch "$KUBECTL_DIR"
}

copy_kubectl() {
  mkdir -p "$1"
  docker run --rm --entrypoint cat "$NODE_IMAGE" /usr/bin/kubectl >"$1/kubectl.part"
  chmod +x "$1/kubectl.part"
  mv "$1/kubectl.part" "$1/kubectl"
}

# sweep: removes what no clone has used for 30 days: who uses a part of the cache touches it, except for the parts
# of the node image, which are needed once. The engine starts every container with the runtime that its configuration names.
sweep() {
  local part
  for part in "$cache_dir"/kubectl-* "$cache_dir"/small-root-* "$cache_dir"/engine/runtime-* "$cache_dir"/bin/* "$cache_dir"/packages/* "$cache_dir"/layouts/*; do
    [[ -n $(find "$part" -prune -mtime +30 2>/dev/null) ]] || continue
    grep -qsF "\"$part\"" "$cache_dir/engine/daemon.json" || rm -rf "$part"
  done
}

main() {
  # Without this, eval "$(scripts/machine.sh)" would succeed when the script fails.
  trap '(($? == 0)) || echo false' EXIT
  ensure_go
  # Two callers at once would build everything twice. The lock ends with this process and its children.
  exec 9>"$cache_dir/machine.lock"
  if ! lock 0; then
    info 'another run prepares this machine; waiting for it'
    lock 7200 || die 'another run has prepared this machine for two hours; stop it'
  fi
  ensure_docker
  node_image
  bitcoind_image
  kubectl_command
  sweep
  printf '%s=%q\n' NODE_IMAGE "$NODE_IMAGE" KIND_CONFIG "$KIND_CONFIG" BITCOIND_IMAGE "$BITCOIND_IMAGE" AIRGAP "$AIRGAP" KUBECTL_DIR "$KUBECTL_DIR"
  # shellcheck disable=SC2016 # the caller's PATH, not ours
  if [[ -n $KUBECTL_DIR ]]; then printf 'PATH=$PATH:%q\n' "$KUBECTL_DIR"; fi
}

main "$@"
