#!/usr/bin/env bash
# Compressed size of the operator's image for this machine's platform, by the manifest in its registry, which is one without TLS on this machine,
# such as the demo's. Like run.sh it prints figures and has no limit.
#
#   CANDIDATE_IMAGE=… test/bench/size.sh
set -euo pipefail
shopt -s inherit_errexit # bash ends no $(…) at a command that fails without it
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
image=${CANDIDATE_IMAGE:?name the image of the operator, as the demo has it in its registry}
name=${image%%@*}
address=${name%%/*} path=${name#*/}
repository=${path%%:*}
reference=${path#"$repository"}
reference=${reference#:}
[[ $image != *@* ]] || reference=${image#*@}

manifest() { # DIGEST or TAG
  curl -sSf --max-time 10 "http://$address/v2/$repository/manifests/$1" -H 'Accept: application/vnd.oci.image.index.v1+json' \
    -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' \
    -H 'Accept: application/vnd.docker.distribution.manifest.v2+json'
}

text=$(manifest "$reference")
digest=$(jq -r --arg arch "$(go env GOARCH)" '.manifests[]? | select(.platform.os == "linux" and .platform.architecture == $arch) | .digest' <<<"$text")
[[ -z $digest ]] || text=$(manifest "$digest")
size=$(jq '[.layers[].size] | add | . / 10000 | round / 100' <<<"$text")
printf '%s: %s MB in %s layers\n' "$image" "$size" "$(jq '.layers | length' <<<"$text")"
record figure image-size "value=$size"
