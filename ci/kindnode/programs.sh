#!/usr/bin/env bash
# Compiles the Kubernetes programs of the node, unless the cache has them, for the tests in test/apiserver. They need no Docker.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../scripts/step.sh
. "$root/scripts/step.sh"
# shellcheck source-path=SCRIPTDIR source=binaries.sh
. "$here/binaries.sh"
# machine.sh compiles the same.
exec 9>"$cache_dir/machine.lock"
lock 7200 || die 'another run has prepared this machine for two hours; stop it'
module kube
touch "${bin[kube]}"
