#!/usr/bin/env bash
# Fuzzes each target of all modules for a while, one after the other, and names those that found an input that fails. Go writes
# such an input to testdata/fuzz beside the test, where ordinary test runs use it from then on.
#
#   scripts/fuzz.sh [PATTERN]   PATTERN chooses targets by name; default: all of them
#
# FUZZTIME  the time for each target, default 1m
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=step.sh
. "$root/scripts/step.sh"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pattern=${1:-.}
targets=0 crashed=()

while IFS=: read -r file target; do
  target=${target#func }
  [[ $target =~ $pattern ]] || continue
  targets=$((targets + 1))
  directory=$(dirname "$file")
  started=$SECONDS
  # The directory decides which of the modules it is.
  if go test -C "$root/$directory" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-1m}" . >"$work/output" 2>&1 </dev/null; then
    took "$target in $directory: no failure" "$started"
  else
    crashed+=("$target in $directory")
    cat "$work/output" >&2
  fi
done < <(git -C "$root" grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go')

((targets)) || die "no fuzz target matches $pattern"
((${#crashed[@]} == 0)) || printf 'failed: %s\n' "${crashed[@]}"
printf '%d targets, %d failed\n' "$targets" "${#crashed[@]}"
((${#crashed[@]} == 0))
