#!/usr/bin/env bash
# Compares chart-promoter with chart-testing and chart-releaser on one repository of 40 charts of which two were changed, and on an
# index of 10,000 versions. Prints processor seconds, seconds and memory of each, and the ratios with their targets. It fails if
# chart-promoter chooses other charts than the two, or changes other lines of the index than those of the new version. chart-testing
# calls Helm, which must be on the PATH.
#
#   test/bench/charts.sh [ROUNDS]                             default: 5 rounds, of which the best of each counts
#
# CHART_PROMOTER, CT and CR name programs that exist; without them they are built, as static programs. The programs that are measured
# are copies: of a file that the linker has just written, Linux may map pieces of 2 MiB, which all count as memory.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=record.sh
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
ct_version=v3.14.0 cr_version=v1.8.1
rounds=${1:-5}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL="$work/gitconfig" GIT_CONFIG_NOSYSTEM=1
git config --global user.name bench
git config --global user.email bench@example.com
git config --global init.defaultBranch main

# build MODULE VERSION PACKAGE PROGRAM: in a copy of the module, where its own replace lines hold.
build() {
  local source
  source=$(cd "$work" && { [[ -e go.mod ]] || go mod init bench 2>/dev/null; } && go mod download -json "$1@$2" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  mkdir "$work/$4.module" && cp -r "$source/." "$work/$4.module" && chmod -R u+w "$work/$4.module"
  (cd "$work/$4.module" && CGO_ENABLED=0 go build -mod=mod -o "$work/$4.built" "$3")
}
[[ -n ${CHART_PROMOTER:-} ]] || (cd "$top" && CGO_ENABLED=0 go build -o "$work/chart-promoter.built" ./cmd/chart-promoter)
[[ -n ${CT:-} ]] || build github.com/helm/chart-testing/v3 "$ct_version" ./ct ct
[[ -n ${CR:-} ]] || build github.com/helm/chart-releaser "$cr_version" ./cr cr
command cp "${CHART_PROMOTER:-$work/chart-promoter.built}" "$work/chart-promoter"
command cp "${CT:-$work/ct.built}" "$work/ct"
command cp "${CR:-$work/cr.built}" "$work/cr"
cp=$work/chart-promoter ct=$work/ct cr=$work/cr

promoter='' lint='' package='' start='' small='' promote='' releaser='' # measure sets them
# measure NAME COMMAND…: the best of the rounds, as "cpu wall MiB anonymous" in the variable NAME. What is anonymous of the MiB is sampled
# in runs of its own, of which the most counts: the other figures do not have the cost of sampling.
measure() {
  local name=$1 best='' anonymous=0 round
  shift
  for ((round = 1; round <= rounds; round++)); do
    once "$name" whole "$@"
    best=$(printf '%s\n' "$best" "$(<"$work/time")" | sed '/^$/d' | sort -n | head -1)
    once "$name" sampled "$@"
    anonymous=$(printf '%s\n' "$anonymous" "$(sed 's/.* //' "$work/time")" | sort -n | tail -1)
  done
  best="${best% *} $anonymous"
  printf -v "$name" %s "$best"
  # shellcheck disable=SC2086 # four figures
  printf '%-34s %8s s cpu %8s s %6s MiB, %4s MiB of them anonymous\n' "$name" $best
}

# compared KEY COLUMN OURS THEIRS…: records a column of ours beside the sum of theirs.
compared() {
  local value reference
  value=$(printf '%s\n' "$3" | cut -d ' ' -f "$2")
  reference=$(printf '%s\n' "${@:4}" | awk -v column="$2" '{ sum += $column } END { print sum }')
  record figure "$1" "value=$value" "reference=$reference" "ratio=$(awk -v a="$reference" -v b="$value" 'BEGIN { printf "%.3f", b / a }')" "rounds=$rounds"
}

# once NAME whole|sampled COMMAND…: one run, with its figures in the file time.
once() {
  if [[ $(type -t "prepare_$1") == function ]]; then "prepare_$1"; fi
  python3 - "$work/$1.log" "${@:2}" >"$work/time" <<'END'
import os, subprocess, sys, time
start = time.monotonic()
with open(sys.argv[1], "w") as log:
    child = subprocess.Popen(sys.argv[3:], stdout=log, stderr=log)
anonymous = 0
while sys.argv[2] == "sampled" and not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
    with open("/proc/%d/status" % child.pid) as status:
        anonymous = max([anonymous] + [int(line.split()[1]) for line in status if line.startswith("RssAnon:")])
    time.sleep(0.001)
# Of this child alone: where python3 is a script that starts programs, those are children of this process too.
_, status, r = os.wait4(child.pid, 0)
print("%.3f %.3f %d %d" % (r.ru_utime + r.ru_stime, time.monotonic() - start, r.ru_maxrss // 1024, anonymous // 1024))
sys.exit(os.waitstatus_to_exitcode(status))
END
}

charts() { # the repository: 40 charts, of which c07 and c21 are changed after the last push
  mkdir "$work/src"
  cd "$work/src"
  git init -q
  git init -q --bare "$work/origin.git"
  git remote add origin "$work/origin.git"
  for n in $(seq -w 1 40); do chart "c$n" 1.0.0; done
  mkdir ci
  {
    printf 'name: bench\ncharts:\n'
    for n in $(seq -w 1 40); do printf '  - {path: charts/c%s, version: {from: file}}\n' "$n"; done
    printf 'stages:\n  - name: prod\n    publish: {directory: %s}\n    guards: {versions: any, verifiedBy: none}\n' "$work/prod"
  } >ci/pipeline.yaml
  git add -A && git commit -qm first && git push -q origin HEAD:main && git fetch -q
  git checkout -q -b change
  chart c07 1.0.1; chart c21 1.1.0
  git commit -qam "two charts"
}

chart() { # NAME VERSION
  mkdir -p "charts/$1/templates"
  printf 'apiVersion: v2\nname: %s\nversion: %s\nappVersion: "1"\ndescription: A chart\ntype: application\nicon: https://example.com/icon.png\nmaintainers: [{name: bench}]\n' "$1" "$2" >"charts/$1/Chart.yaml"
  printf 'replicas: 1\nimage: {repository: example.com/app, tag: "1"}\n' >"charts/$1/values.yaml"
  for n in 1 2 3 4 5; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-%s\ndata:\n  version: {{ .Chart.Version | quote }}\n  replicas: {{ .Values.replicas | quote }}\n' "$n" >"charts/$1/templates/cm$n.yaml"
  done
}

index() { # VERSIONS: the index of a chart repository
  python3 - "$1" <<'END'
import hashlib, sys
print("apiVersion: v1\nentries:\n  c07:")
for n in reversed(range(int(sys.argv[1]))):
    version = "0.%d.%d" % (n // 100, n % 100)
    print("""  - apiVersion: v2
    appVersion: "1"
    created: "2026-01-01T00:00:00Z"
    description: A chart of middling length whose description is long enough to
      be folded by Helm onto a second line
    digest: %s
    icon: https://example.com/icon.png
    maintainers:
    - name: bench
    name: c07
    type: application
    urls:
    - https://example.com/c07-%s.tgz
    version: %s""" % (hashlib.sha256(version.encode()).hexdigest(), version, version))
print('generated: "2026-01-01T00:00:00Z"')
END
}

# github is as much of GitHub's API as `cr index` requests: the release of a tag, with the package as its asset.
github() {
  python3 -c '
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        tag = self.path.rsplit("/", 1)[1]
        body = json.dumps({"id": 1, "tag_name": tag, "name": tag, "assets": [{"id": 1, "name": tag + ".tgz", "browser_download_url": "https://example.com/" + tag + ".tgz"}]}).encode()
        self.send_response(200); self.send_header("Content-Type", "application/json"); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(s.server_address[1], flush=True)
s.serve_forever()' >"$work/port" &
  server=$!
  until [[ -s $work/port ]]; do sleep 0.05; done
}

charts
changed=$("$cp" list-changed --since origin/main | tr '\n' ' ')
[[ $changed == 'charts/c07 charts/c21 ' ]] || { echo "list-changed: $changed, but charts/c07 and charts/c21 are changed" >&2; exit 1; }
measure promoter "$cp" package --since origin/main --work-dir "$work/dist"
packages=$(cd "$work/dist" && printf '%s ' */*.tgz)
[[ $packages == 'c07/c07-1.0.1.tgz c21/c21-1.1.0.tgz ' ]] || { echo "package: $packages" >&2; exit 1; }
measure lint "$ct" lint --target-branch main --remote origin --chart-dirs charts --check-version-increment=true --validate-maintainers=false --validate-chart-schema=false --validate-yaml=false
measure package "$cr" package charts/c07 charts/c21 --package-path "$work/packages"
awk -v a="$promoter" -v b="$lint" -v c="$package" 'BEGIN {split(a, x); split(b, y); split(c, z)
  printf "lint and package: %.2f of the processor time (target: 0.50) and %.2f of the time (target: 0.50) of ct lint and cr package\n", x[1] / (y[1] + z[1]), x[2] / (y[2] + z[2])}'

index 10000 >"$work/index.yaml"
printf 'apiVersion: v1\nentries: {}\n' >"$work/empty.yaml"
prepare_small() { rm -rf "$work/prod" && mkdir "$work/prod" && cp_file "$work/empty.yaml" "$work/prod/index.yaml"; }
prepare_promote() { rm -rf "$work/prod" && mkdir "$work/prod" && cp_file "$work/index.yaml" "$work/prod/index.yaml"; }
cp_file() { command cp "$1" "$2"; }
pkg=$work/dist/c07/c07-1.0.1.tgz
measure start "$cp" --help
measure small "$cp" promote --chart c07 --package "$pkg" --work-dir "$work/dist"
measure promote "$cp" promote --chart c07 --package "$pkg" --work-dir "$work/dist"
changes=$(diff "$work/index.yaml" "$work/prod/index.yaml" | grep -c '^[<>]') || true
removed=$(diff "$work/index.yaml" "$work/prod/index.yaml" | grep '^<' || true)
[[ $removed == '< generated: '* && $removed != *$'\n'* && $changes -lt 20 ]] || { echo "promote changes $changes lines of the index, and removes: $removed" >&2; exit 1; }
github
git checkout -q --orphan gh-pages && git rm -rqf . && cp_file "$work/index.yaml" index.yaml && git add -A && git commit -qm pages
git push -q origin HEAD:gh-pages && git checkout -qf change && git fetch -q
prepare_releaser() { rm -rf "$work/index" && mkdir -p "$work/index" "$work/one" && cp_file "$pkg" "$work/one/"; git worktree prune; }
measure releaser "$cr" index --owner o --git-repo r --token t --git-base-url "http://127.0.0.1:$(<"$work/port")/" --git-upload-url "http://127.0.0.1:$(<"$work/port")/" \
  --package-path "$work/one" --index-path "$work/index/index.yaml" --pages-branch gh-pages
awk -v a="$promote" -v b="$releaser" -v c="$small" -v d="$start" 'BEGIN {split(a, x); split(b, y); split(c, z); split(d, s)
  printf "one version more in an index of 10,000: 1/%.0f of the processor time of cr index (target: 1/20)\n", y[1] / x[1]
  printf "memory: %d MiB (target: 40) of which %d are for the index, %d of the program that does nothing; cr index: %d MiB\n", x[3], x[3] - z[3], s[3], y[3]
  printf "anonymous memory: %d MiB, cr index: %d MiB; the rest are pages of the file of the program, which processes share, which the kernel can drop at any time, and of which it chooses how many it maps\n", x[4], y[4]}'
compared charts-cpu 1 "$promoter" "$lint" "$package"
compared charts-time 2 "$promoter" "$lint" "$package"
compared promote-cpu 1 "$promote" "$releaser"
compared promote-time 2 "$promote" "$releaser"
compared promote-memory 3 "$promote" "$releaser"
compared promote-anonymous 4 "$promote" "$releaser"
