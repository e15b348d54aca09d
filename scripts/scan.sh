#!/usr/bin/env bash
# Fails when a module has a known vulnerability that the programs' code reaches or that is linked into the operator's or LND's image, when
# Debian has fixed a vulnerability of a package in the nodes' image, or when kube-score finds something in the chart, with its
# defaults or with every optional part, that the chart's README does not explain. Changes nothing in the clone.
#
# DEBIAN_TRACKER  address of the data of Debian's security tracker, in JSON; required in CI. Without it the nodes' image is not scanned.
#
# The vulnerabilities are those of https://vuln.go.dev, or of the Go module golang.org/x/vulndb where that site cannot be
# reached. Those of Go's own library go away with a newer Go, which is what releases are built with: they are only reported.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
problems=0

# The module has the database's entries; its own program makes the index.
database() {
  local module
  module=$(cd "$work" && go mod download golang.org/x/vulndb@latest && go list -m -f '{{.Dir}}' golang.org/x/vulndb@latest)
  (cd "$module" && go run ./cmd/indexdb -vulns data/osv -out "$work/vulndb")
}

tool ci/tools/scan golang.org/x/vuln/cmd/govulncheck
where=()
if ! "${within[@]}" 20 curl -fsSo /dev/null https://vuln.go.dev/index/db.json 2>/dev/null; then
  step 'vulnerability database' built database
  where=(-db "file://$work/vulndb")
fi
# vulnerable WHAT ARGUMENT…: scans the programs or the image. Findings of the list known fail nothing.
known=()
vulnerable() {
  local what=$1 status=0
  shift
  # With this format findings do not change the exit code.
  "${static[@]}" "$tool" -format json ${where[@]+"${where[@]}"} "$@" >"$work/vulnerabilities" || die "govulncheck failed with exit code $?"
  info "$what:"
  "$work/report" ${known[@]+"${known[@]}"} <"$work/vulnerabilities" || status=$?
  ((status < 2)) || die 'the output of govulncheck cannot be read'
  problems=$((problems + status))
}

go build -o "$work/report" ./ci/vulnerabilities
vulnerable 'what the programs reach' ./cmd/...
# The image holds these programs and nothing else. Without its symbols, as in the image, every part of a module would count as used.
for program in bitcoin-controller rpcauth supervisor lnd-agent; do
  GOOS=linux CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$work/$program" "./cmd/$program"
  vulnerable "$program of the operator's image" -mode=binary "$work/$program"
done
# LND's image, likewise. What SECURITY.md explains: the client of PostgreSQL, and what LND's own tests start one with.
known=(GO-2025-4098 GO-2026-4518 GO-2026-4883 GO-2026-4887 GO-2026-5004 GO-2026-5761)
lnd=$(go run ./ci/images/lnd symbols)
for program in lnd lncli; do
  vulnerable "$program of LND's image" -mode=binary "$lnd/$program"
done
known=()

if [[ -n ${DEBIAN_TRACKER:-} ]]; then
  curl -fsSL --retry 3 -o "$work/tracker.json" "$DEBIAN_TRACKER" || die 'the data of the security tracker cannot be downloaded; check DEBIAN_TRACKER'
  info "packages of the nodes' image:"
  go run ./ci/images/bitcoind vulnerabilities "$work/tracker.json" || problems=$((problems + 1))
elif [[ -n ${CI:-} ]]; then
  die 'DEBIAN_TRACKER is not set; set it in the settings of CI to the address of the data of the security tracker of Debian, in JSON'
else
  info "packages of the nodes' image: not scanned, as DEBIAN_TRACKER is not set"
fi

# What charts/bitcoin-controller/README.md explains, in the order of its table.
explained=(
  'CPU limit is not set'
  'ImagePullPolicy is not set to Always'
  'does not have a matching egress NetworkPolicy'
  'Ephemeral Storage (limit|request) is not set'
  'Deployment few replicas'
  'smoke-test/.* v1/Pod: The pod does not have a matching NetworkPolicy'
  'Deployment does not have a host podAntiAffinity set'
  '-networks/.*/NetworkPolicy: The NetworkPolicys selector .* match any pods'
)
tool ci/tools/scan github.com/zegl/kube-score/cmd/kube-score
have_helm
for values in charts/bitcoin-controller/values.yaml test/lifecycle/testdata/everything.yaml; do
  # It fails because of what is explained too.
  status=0
  "$helm" template bitcoin-controller charts/bitcoin-controller --namespace bitcoin-controller --kube-version 1.36.0 \
    --values "$values" >"$work/manifests"
  "$tool" score --output-format ci "$work/manifests" >"$work/score" 2>"$work/score.err" || status=$?
  [[ -s $work/score && ! -s $work/score.err ]] || die "kube-score cannot read the chart with $values: $(tail -n 1 "$work/score.err")"
  if grep -vE '^\[(OK|SKIPPED)\]' "$work/score" | grep -vE -- "$(IFS='|' && printf '%s' "${explained[*]}")" >&2; then
    printf 'scan: the above is of the chart with %s\n' "$values" >&2
    problems=$((problems + 1))
  fi
  info "kube-score: $(grep -c . "$work/score") lines about the chart with $values"
done

((problems == 0)) || die 'the scanners found a problem that is not explained'
info 'scanned'
