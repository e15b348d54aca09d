#!/usr/bin/env bash
# Makes sure that this machine has the programs without which tests are skipped, or fail with REQUIRE_TOOLS=1: Chromium, GnuPG,
# ssh-keygen, zsh and the completion of bash, which it installs as root on Debian, and elsewhere it fails and names those that are missing; and the API server of the
# tests in test/apiserver, which it compiles once; and bitcoind (scripts/bitcoind.sh). Docker is not among them, see machine.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
# shellcheck source-path=SCRIPTDIR source=airgap/apt.sh
. "$root/scripts/airgap/apt.sh"

packages=()
# need PACKAGE PROGRAM…: installs the package when none of its programs is on the PATH.
need() {
  local package=$1 program
  shift
  for program in "$@"; do
    if command -v "$program" >/dev/null; then return; fi
  done
  packages+=("$package")
}
need chromium chromium chromium-browser google-chrome
need gnupg gpg
need openssh-client ssh-keygen
need zsh zsh
# It is no program: the shell reads it.
[[ -e /usr/share/bash-completion/bash_completion ]] || packages+=(bash-completion)
if ((${#packages[@]})); then
  if [[ $(id -u) != 0 ]] || ! grep -qsx 'ID=debian' /etc/os-release; then die "the tests need these packages, install them: ${packages[*]}"; fi
  apt_install "${packages[@]}"
fi
if [[ $(uname -s) == Linux && -z ${KUBEBUILDER_ASSETS:-} ]]; then "$root/ci/kindnode/programs.sh"; fi
if [[ $(uname -s) == Linux ]]; then "$root/scripts/bitcoind.sh" >/dev/null; fi
# What cmd/lnd-agent is tested with; it takes minutes when Go's cache has nothing of it.
if [[ $(uname -s) == Linux && -z ${LND_DIR:-} ]]; then (cd "$root" && go run ./ci/images/lnd programs) >&2; fi
