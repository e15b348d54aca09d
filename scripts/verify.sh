#!/usr/bin/env bash
# Fails when a generated file is stale, when code is not formatted, or when a linter finds something. Changes nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
problems=0
problem() {
  printf 'verify: %s\n' "$1" >&2
  problems=$((problems + 1))
}

unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
[[ -z $unformatted ]] || problem "gofmt would change: $unformatted"

go run ./ci/words || problem 'the places above use words that the project does not use; each line shows what to write instead'

# Everything is generated again in a copy.
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$work"
step 'generated files' compared "$work/scripts/generate.sh"
stale=$(git ls-files -z | while IFS= read -r -d '' file; do cmp -s "$file" "$work/$file" || printf '%s ' "$file"; done)
new=$(cd "$work" && find pkg/client charts/bitcoin-controller/files docs ci/travis ci/github ci/gitlab -type f 2>/dev/null | while read -r file; do [[ -e $root/$file ]] || printf '%s ' "$file"; done)
[[ -z $stale$new ]] || problem "generated files are stale, run scripts/generate.sh: $stale$new"

# The three modules: the programs, the API, and the tests that need more than the programs do.
for module in . pkg test; do step "go.mod in $module" tidy go -C $module mod tidy -diff; done
for module in . pkg test; do step "go vet in $module" clean go -C $module vet -tags=e2e ./...; done

tool ci/tools/lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
for module in . pkg test; do
  (cd $module && "$tool" run --config "$root/ci/golangci.yaml" --build-tags e2e --timeout 20m --allow-parallel-runners) || problem "golangci-lint found problems in $module"
done

if command -v shellcheck >/dev/null; then
  git ls-files -z '*.sh' .ci/run ':!test/lifecycle/testdata' | xargs -0 shellcheck -x || problem 'shellcheck found problems'
else
  info 'shellcheck is not installed: the scripts are not checked'
fi

((problems == 0)) || die "$problems of the checks failed"
info 'verified'
