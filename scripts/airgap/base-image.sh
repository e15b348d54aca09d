#!/usr/bin/env bash
# Makes debian:SUITE-slim in Docker's store out of Debian's packages.
# usage: base-image.sh SUITE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../step.sh
. "$here/../step.sh"
# shellcheck source-path=SCRIPTDIR source=apt.sh
. "$here/apt.sh"
debian_slim "${1:?suite}"
