#!/usr/bin/env bash
# Shows that nothing of airgap runs where Docker runs and has, or can pull, kind's node image.
# Stand-ins on the PATH play that machine; those for apt-get, mmdebstrap and dockerd must never be called.
# shellcheck disable=SC2317 # functions are called by name
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

stand_in() { # NAME BODY
  printf '#!/bin/bash\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$work" "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

mkdir "$work/bin"
for name in apt-get mmdebstrap dockerd; do stand_in "$name" 'exit 1'; done
stand_in kubectl ''
# The bitcoind image comes from packages that this would download.
# shellcheck disable=SC2016 # for the stand-in
stand_in go 'case "$*" in "run ./ci/images/bitcoind archive "*) echo image >"$4"; exit ;; esac
  exec '"$(command -v go || echo /usr/local/go/bin/go)"' "$@"'

# run_machine BODY: machine.sh with an empty cache and a docker that does BODY; assignments in out, calls in calls.
run_machine() {
  rm -rf "$work/cache"
  run_again "$@"
}

# run_again BODY: the same, with the cache that there is.
run_again() {
  rm -rf "$work/calls" "$work/pulled"
  : >"$work/calls"
  stand_in docker "$1"
  XDG_CACHE_HOME=$work/cache BC_PULL_TIMEOUT=${2:-20} PATH=$work/bin:$PATH \
    "$root/scripts/machine.sh" >"$work/out" 2>"$work/err"
}

check() { # SENTENCE COMMAND…
  local sentence=$1
  shift
  if "$@"; then
    echo "ok    $sentence"
  else
    echo "FAIL  $sentence"
    sed 's/^/      /' "$work/calls" "$work/out" "$work/err"
    failures=$((failures + 1))
  fi
}

fails() { ! "$@"; }
value() { (eval "$(cat "$work/out")" && echo "${!1}"); }
no_airgap() { ! grep -qE '^(apt-get|mmdebstrap|dockerd) ' "$work/calls" && [[ ! -e $work/cache/bitcoin-controller/engine && -z $(ls -A "$work/cache/bitcoin-controller/bin") ]]; }
ordinary_answer() {
  [[ $(value AIRGAP) == 0 && $(value NODE_IMAGE) == kindest/node:v*@sha256:* && $(value KIND_CONFIG) == "$root/ci/kind.yaml" && -f $(value KIND_CONFIG) ]]
}
only_calls() { ! grep '^docker ' "$work/calls" | grep -vE "^docker ($1)( |\$)"; }

lock_holds() {
  PATH=$work/else bash -c '
    . "$1/scripts/step.sh"
    exec 9>"$2/locked"
    lock 0 && (exec 9>"$2/locked"; ! lock 1) && exec 9>&- && exec 9>"$2/locked" && lock 0' - "$root" "$work"
}

run_machine 'exit 0'
check 'with the images there, the answer is kind'"'"'s own node image and configuration' ordinary_answer
check 'with the images there, nothing of airgap runs' no_airgap
check 'with the images there, Docker is only asked' only_calls 'info|image inspect'

# shellcheck disable=SC2016 # for the stand-in
run_machine 'case "$1" in image) exit 1 ;; pull) echo Pulling from kindest/node; sleep 1 ;; esac'
check 'with a registry, the answer is kind'"'"'s own node image and configuration' ordinary_answer
check 'with a registry, nothing of airgap runs' no_airgap
check 'with a registry, the node image is pulled and the bitcoind image loaded' only_calls 'info|image inspect|pull|load'
check 'with a registry, the bitcoind image is built from its pins, for this machine' grep -qE "^go run ./ci/images/bitcoind archive .* bitcoin-controller/bitcoind:knots-[0-9a-f]{12} linux/$(go env GOARCH)$" "$work/calls"
check 'with a registry, the archive of the bitcoind image is not left' test ! -e "$work/cache/bitcoin-controller/bitcoind.tar"
check 'with a registry, the pull is of the pinned digest' grep -q '^docker pull kindest/node:v.*@sha256:' "$work/calls"

# macOS has no flock, setsid, setpriv, sha256sum and timeout; Perl and shasum it has.
mkdir "$work/else"
ln -s /usr/bin/* "$work/else"
(cd "$work/else" && rm -f flock setsid setpriv sha256sum timeout)
run_there() { PATH=$work/else:$(dirname "$(command -v go)") run_machine "$@"; }
run_there 'exit 0'
check 'without the commands that macOS has not, the answer is the same' ordinary_answer
check 'without them, each lock is taken by one at a time' lock_holds

# Neither has it a use for a program for Linux.
rm -f "$work/bin/kubectl" "$work/else/kubectl"
# shellcheck disable=SC2016 # for the stand-in
stand_in uname 'if [[ $* == -s ]]; then echo Darwin; else echo arm64; fi'
run_there 'exit 0'
check 'on macOS, kubectl is not taken out of the node image' fails grep -q '^docker run' "$work/calls"
check 'on macOS, the PATH stays' fails grep -q '^PATH=' "$work/out"
rm "$work/bin/uname"
run_there 'exit 0'
check 'on Linux, kubectl comes out of the node image' test -x "$(value KUBECTL_DIR)/kubectl"

cache=$work/cache/bitcoin-controller
mkdir "$cache/engine" "$cache/kubectl-of-another-clone" "$cache/small-root-new"
printf '{"runtimes": {"limited": {"path": "%s"}}}\n' "$cache/engine/runtime-running" >"$cache/engine/daemon.json"
for name in kubectl-old small-root-old engine/runtime-old engine/runtime-running bin/tool-old packages/old.deb; do
  mkdir -p "$cache/$name"
  touch -t 202001010000 "$cache/$name"
done
touch -t 202001010000 "$(value KUBECTL_DIR)"
PATH=$work/else:$(dirname "$(command -v go)") run_again 'exit 0'
left() { (cd "$cache" && for name in "$@"; do [[ -e $name ]] || return 1; done); }
gone() { (cd "$cache" && for name in "$@"; do [[ ! -e $name ]] || return 1; done); }
check 'what this run uses stays, however old' left "$(value KUBECTL_DIR)/kubectl" engine/runtime-running
check 'what nobody has used for 30 days goes' gone kubectl-old small-root-old engine/runtime-old bin/tool-old packages/old.deb
rm -r "$(value KUBECTL_DIR)"
PATH=$work/else:$(dirname "$(command -v go)") run_again 'exit 0'
check 'what another clone has created recently stays' left kubectl-of-another-clone small-root-new

# Not root from here on: making the image would be the next thing, and takes a quarter of an hour.
stand_in id 'echo 1000'
# shellcheck disable=SC2016 # for the stand-in
mute='case "$1" in image) exit 1 ;; pull) exec sleep 60 ;; esac'
check 'a registry that does not answer is no success' fails run_machine "$mute" 1
check 'a registry that does not answer is given up after BC_PULL_TIMEOUT' grep -qE 'cannot be pulled \([12] s\): the registry does not answer' "$work/err"
check 'evaluating the answer of a failed run fails' fails eval "$(cat "$work/out")"
check 'who is not root reads what to do' grep -q '^error: .*: docker pull kindest/node' "$work/err"
check 'for who is not root, nothing of airgap runs' no_airgap
check 'without Docker, who is not root reads what to do' fails run_machine 'exit 1'
check 'without Docker, the sentence names Docker' grep -q '^error: Docker is not running' "$work/err"

patches() { sed -n '/^kubeadmConfigPatches/,$p' "$1" | grep -v '^ *#'; }
covers() { ! grep -q "^<" <(diff <(patches "$1") <(patches "$2")); }
check 'ci/kindnode/kind.yaml has every kubeadm patch of ci/kind.yaml' covers "$root/ci/kind.yaml" "$root/ci/kindnode/kind.yaml"

exit $((failures > 0))
