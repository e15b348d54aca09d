# Sourced by scripts that take a while: plain lines about each step, logs, a cache, keys, Helm.
# shellcheck shell=bash disable=SC2154 # root is the caller's

# Where everything that can be rebuilt is kept. Deleting it costs time, nothing else; machine.sh deletes what was not touched
# for 30 days.
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/bitcoin-controller
mkdir -p "$cache_dir/logs" "$cache_dir/bin"

# macOS has these under other names, or not; Perl it has.
# shellcheck disable=SC2034 # those who source this use them
within=(timeout) session=(setsid) sha256=(sha256sum)
# shellcheck disable=SC2034
command -v timeout >/dev/null || within=(perl -e 'alarm shift; exec @ARGV or exit 127')
# shellcheck disable=SC2034
command -v setsid >/dev/null || session=(perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV or exit 127')
command -v sha256sum >/dev/null || sha256=(shasum -a 256)

# lock SECONDS: takes the lock of the file that is open as 9, which ends with all processes that have it open; fails after so long.
lock() {
  if command -v flock >/dev/null; then
    flock -w "$1" 9
  else
    perl -e 'use Fcntl ":flock"; open my $f, ">&=", 9 or exit 1; for (0 .. 10 * shift) { exit 0 if flock $f, LOCK_EX | LOCK_NB; select undef, undef, undef, 0.1 } exit 1' "$1"
  fi
}

info() { printf '==> %s\n' "$*" >&2; }
took() { info "$1 ($((SECONDS - ${2:-0})) s)"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# step NAME DONE COMMAND…: runs the command with its output in a log, and prints how long it took.
# The end of the log is shown when the command fails.
step() {
  local name=$1 done=$2 log status started=$SECONDS
  shift 2
  log=$cache_dir/logs/${name//[^a-z0-9.]/-}.log
  info "$name …"
  # Not "if ! command": bash ignores -e inside a function that is called as a condition.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1
  status=$?
  set -e
  if ((status)); then
    tail -n 25 "$log" | sed 's/^/    /' >&2
    die "$name failed; see $log"
  fi
  info "$name: $done ($((SECONDS - started)) s)"
}

# key_of WORD… -- PATH…: twelve hex digits of the words and of the names and contents of all files below the paths.
key_of() {
  local words=()
  while [[ $1 != -- ]]; do words+=("$1") && shift; done
  shift
  {
    printf '%s\n' "${words[@]}"
    find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 "${sha256[@]}"
  } | "${sha256[@]}" | cut -c1-12
}

# As the image is built, so that Go compiles once what the tool, the image and the tests share, in whatever checkout.
# shellcheck disable=SC2034 # see above
static=(env CGO_ENABLED=0 GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath")

# tool DIRECTORY PACKAGE: builds it from its Go module, once for each version that the module in the directory names; sets $tool.
tool() {
  local name version
  name=$(basename "$2")
  version=$(cd "$root/$1" && go list -f '{{.Module.Version}}' "$2")
  tool=$cache_dir/bin/$name-$version
  if [[ -x $tool ]]; then
    touch "$tool"
    return
  fi
  step "$name $version" built go -C "$root/$1" build -o "$tool.part" "$2"
  mv "$tool.part" "$tool"
}

# Helm itself, where it is not installed, from its Go module.
have_helm() {
  if command -v helm >/dev/null; then
    helm=helm
    return
  fi
  local version
  version=$(cd "$root" && go list -m -f '{{.Version}}' helm.sh/helm/v3)
  helm=$cache_dir/bin/helm-$version
  if [[ -x $helm ]]; then
    touch "$helm"
    return
  fi
  local at=$SECONDS tmp
  info "helm $version: building …"
  tmp=$(mktemp -d "$cache_dir/bin/helm.XXXXXX")
  (cd "$tmp" && GOBIN=$tmp "${static[@]}" go install "helm.sh/helm/v3/cmd/helm@$version")
  mv "$tmp/helm" "$helm" && rmdir "$tmp"
  took "helm $version: built" "$at"
}
