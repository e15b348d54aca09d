#!/usr/bin/env bash
# Prints a directory with the files of the nodes' image, for tests that run bitcoind without an engine. They are unpacked the first time.
# The program bitcoind in it runs that of the image with its libraries, in place and as any user.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
[[ $(uname -s) == Linux ]] || die 'the image of the nodes runs on Linux only'
dir=$cache_dir/bin/bitcoind-$(cd "$root/ci/images/bitcoind" && key_of "$(uname -m)" -- . ../oci)

unpack() {
  if [[ -z ${DEBIAN_MIRROR:-} ]] && grep -qsx 'ID=debian' /etc/os-release; then
    # shellcheck source-path=SCRIPTDIR source=airgap/apt.sh
    DEBIAN_MIRROR=$(. "$root/scripts/airgap/apt.sh" && apt_mirror)
    export DEBIAN_MIRROR
  fi
  rm -rf "$dir.part"
  mkdir "$dir.part"
  (cd "$root" && go run ./ci/images/bitcoind files "$dir.part" "linux/$(go env GOARCH)")
  local loaders=("$dir.part"/lib*/ld-linux*) libraries=("$dir.part"/usr/lib/*-linux-gnu)
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
    "${loaders[0]/.part/}" "${libraries[0]/.part/}" "$dir/usr/local/bin/bitcoind" >"$dir.part/bitcoind"
  chmod +x "$dir.part/bitcoind"
  mv "$dir.part" "$dir"
}

exec 9>"$cache_dir/bitcoind.lock"
lock 7200 || die 'another run has unpacked the image for two hours; stop it'
[[ -d $dir ]] || step 'bitcoind without an engine' unpacked unpack
touch "$dir"
echo "$dir"
