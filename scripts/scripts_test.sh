#!/usr/bin/env bash
# Tests what the scripts do where a demo or a test run ends badly, and on machines that are not like this one. They run in a copy,
# with stand-ins on the PATH; nothing is installed or downloaded, and no container is started.
# shellcheck disable=SC2016,SC2317 # stand-ins and cases expand what they hold; functions are called by name
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clone=$work/clone failures=0
mkdir "$work/tmp"
export XDG_CACHE_HOME=$work/cache TMPDIR=$work/tmp

# fresh: a clone with nothing but the scripts, and no stand-in.
fresh() {
  rm -rf "$clone" "${work:?}/bin" "$work/cache"
  mkdir "$clone" "$work/bin"
  cp -R "$root/scripts" "$root/.ci" "$root/go.mod" "$clone"
}

# stand_in FILE BODY: a program on the PATH, or one of the clone.
stand_in() {
  local file=$work/bin/$1
  [[ $1 != */* ]] || file=$clone/$1
  mkdir -p "$(dirname "$file")"
  printf '#!/bin/bash\necho "%s $*" >>"%s/calls"\n%s\n' "${1##*/}" "$work" "$2" >"$file"
  chmod +x "$file"
}

# run COMMAND…: what it prints is in output, what it calls in calls.
run() {
  : >"$work/calls"
  PATH=$work/bin:$PATH "$@" >"$work/output" 2>&1
}

# part SCRIPT CASE: the script as far as it only defines something, then the case, as scripts/part.sh.
part() {
  sed '/^trap finish EXIT$/,$d; /^case \${1:-} in$/,$d' "$clone/scripts/$1" >"$clone/scripts/part.sh"
  printf '%s\n' "$2" >>"$clone/scripts/part.sh"
}

functions() { # SCRIPT CASE
  part "$@"
  bash "$clone/scripts/part.sh"
}

check() { # SENTENCE COMMAND…
  local sentence=$1
  shift
  if "$@"; then
    echo "ok    $sentence"
  else
    echo "FAIL  $sentence"
    sed 's/^/      /' "$work/calls" "$work/output"
    failures=$((failures + 1))
  fi
}

fails() { ! "$@"; }
called() { grep -qE -- "$1" "$work/calls"; }
prints() { grep -qE -- "$1" "$work/output"; }

# Debian 13: docker.io comes without the client, which docker-cli has.
fresh
mkdir "$work/else"
ln -s /usr/bin/* "$work/else"
rm -f "$work/else/docker"
for name in dpkg dockerd systemctl; do stand_in $name ''; done
stand_in dpkg-query 'exit 1'
stand_in apt-get 'case "$*" in *docker-cli*) printf "#!/bin/bash\n" >"${0%/*}/docker"; chmod +x "${0%/*}/docker" ;; esac'
if command -v flock >/dev/null && [[ -r /proc/self/status ]]; then
  run env -u DOCKER_HOST PATH="$work/bin:$work/else:$(dirname "$(command -v go)")" "$clone/scripts/airgap/engine.sh" start || true
  check 'where docker.io brings no client, the package with the client is installed' called 'apt-get .*install .*docker-cli'
  check 'where docker.io brings no client, the engine starts all the same' prints 'docker engine: started'
fi

fresh
for name in verify.sh test.sh test-tools.sh airgap/engine.sh; do stand_in scripts/$name ''; done
stand_in docker 'case $1 in info) exit 1 ;; ps) echo 0123456789ab ;; esac'
run "$clone/.ci/run"
check 'CI leaves the engine running that another run has come to use' fails called '^engine.sh stop'
stand_in docker '[[ $1 != info ]]'
run "$clone/.ci/run"
check 'CI stops the engine when no container runs' called '^engine.sh stop'
stand_in docker ''
run "$clone/.ci/run"
check 'CI leaves the engine running that ran before' fails called '^engine.sh stop'

fresh
stand_in scripts/machine.sh 'echo NODE_IMAGE=n KIND_CONFIG=c BITCOIND_IMAGE=b'
case='for name in build_tool build_plugin repositories serve took; do eval "$name() { :; }"; done
commit() { echo "commit $*"; }; promoter() { echo tested; }; working_tree() { return 1; }
[[ 1 == 2 ]] || integration'
check 'files that cannot be read end the tests' fails run functions test.sh "$case"
check 'files that cannot be read are reported' prints '^error: the files under test'
check 'files that cannot be read: the last commit is not tested in their place' fails prints '^(commit|tested)'

# What the options choose.
part test.sh 'for name in build_tool build_plugin repositories serve took commit working_tree; do eval "$name() { :; }"; done
go() { [[ $1 != test ]] || echo "go $*" >>"$CHOSEN"; }
promoter() { echo "demo ${DEMO_TESTS:-}" >>"$CHOSEN"; echo "short ${SHORT_TESTS:-} lifecycle ${LIFECYCLE_TESTS:-} in ${TESTS:-all}" >>"$CHOSEN"; touch "$place/run/junit.xml"; }
mkdir -p "$place/run"
all=${ALL:-}
unit
integration'
chosen() { # PATTERN VARIABLE=VALUE…
  rm -f "$work/chosen"
  run env -u RUN_TESTS -u TESTS -u SHORT_TESTS -u LIFECYCLE_TESTS CHOSEN="$work/chosen" "${@:2}" bash "$clone/scripts/part.sh" && grep -qE -- "$1" "$work/chosen"
}
check 'without --all the race detector is off' fails chosen '^go test .*-race' ALL=
check 'the long tests with a cluster are left out' chosen '^short true lifecycle true in lightning$' ALL=
check 'none is left out as in the demo' chosen '^demo $' ALL= DEMO_TESTS=true
check 'tests that are chosen by name may be long' chosen '^short  lifecycle  in network$' RUN_TESTS=Some
if command -v gcc >/dev/null || command -v cc >/dev/null; then
  check 'with --all the race detector is on' chosen '^go test .*-race' ALL=true
fi
check 'tests of a directory that is chosen are all of them' chosen '^short  lifecycle true in lightning$' TESTS=lightning
check 'without --all Go repeats the tests whose files outside of their module have changed' chosen '^go test .*-skip \^[0-9a-f]{32}\$' ALL=
check 'with --all no test without a cluster is from the cache' chosen '^go test .*-count=1' ALL=true
check 'with --all no test with a cluster is left out' chosen '^short  lifecycle true in all$' ALL=true
check 'an unknown option ends the tests' fails run "$clone/scripts/test.sh" --everything
check 'a directory without tests ends the tests at once' fails run env TESTS=nosuch "$clone/scripts/test.sh" --cluster
check 'a directory without tests is named' prints '^error: TESTS is nosuch, and test/nosuch has no tests'
check 'then nothing has begun' fails called .
run "$clone/scripts/test.sh" --everything || true
check 'an unknown option is named' prints '^error: unknown option --everything'

run functions test.sh 'mkdir -p "$bin" "$place/run"
printf "#!/bin/bash\necho \"chart-promoter \$*\"\n" >"$bin/chart-promoter"
chmod +x "$bin/chart-promoter"
echo verify-abcdef >"$place/run/cluster"
echo lifecycle-abcdef >"${LIFECYCLE_NOTE:-/dev/null}"
echo machines-abcdef >"${MACHINES_NOTE:-/dev/null}"
finish
[[ ! -e $place ]]'
for name in verify lifecycle machines; do
  check "the cluster $name-… of killed tests is deleted" prints "^chart-promoter cluster delete $name-abcdef "
done

# outlives SCRIPT SECONDS: whether the server still runs so long after the script was killed hard.
outlives() {
  local script pid deadline=$((SECONDS + 10))
  rm -f "$work/pid"
  part "$1" 'mkdir -p "$bin"
    printf "#!/bin/bash\nwhile [[ \$1 != --address-file ]]; do shift; done\necho 127.0.0.1:1 >\"\$2\"\nexec sleep 300\n" >"$bin/chart-promoter"
    chmod +x "$bin/chart-promoter"
    serve
    cp "$place/serve.pid" "'"$work/pid"'"
    wait'
  bash "$clone/scripts/part.sh" >"$work/output" 2>&1 &
  script=$!
  until [[ -s $work/pid ]]; do ((SECONDS < deadline)) && sleep 0.1 || return 2; done
  kill -9 "$script"
  wait "$script" 2>/dev/null || true
  pid=$(cat "$work/pid")
  deadline=$((SECONDS + $2))
  while ((SECONDS < deadline)); do
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.1
  done
  kill "$pid"
}
if command -v setpriv >/dev/null; then
  check 'the tests'"'"' server ends with them, also when they are killed' fails outlives test.sh 10
fi
check 'the demo'"'"'s server lives on' outlives demo.sh 2

# The pod network of a node of the offline image, with a directory in place of the node's root. The stand-in for sleep ends it after
# its first watch.
if command -v jq >/dev/null; then
  fresh
  node=$work/node
  mkdir -p "$node"/{etc/kubernetes,var/lib/kubelet/pki,kind}
  echo '    server: https://test-control-plane:6443' >"$node/etc/kubernetes/kubelet.conf"
  touch "$node/var/lib/kubelet/pki/kubelet-client-current.pem"
  printf '  podSubnet: "10.244.0.0/16"\n' >"$node/kind/kubeadm.conf"
  sed "s#\([ =]\)/\(etc\|var\|kind\)/#\1$node/\2/#g" "$root/ci/kindnode/files/usr/local/bin/pod-network.sh" >"$clone/pod-network.sh"
  stand_in hostname 'echo test-worker'
  stand_in sleep 'case $1 in 1) kill $PPID ;; esac'
  stand_in nft 'cat >>"${0%/*}/../calls"'
  stand_in ip ''
  stand_in curl 'event() { echo "{\"type\":\"$1\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"name\":\"$2\"},\"spec\":{$3},\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"$2\"},{\"type\":\"InternalIP\",\"address\":\"$4\"}]}}}"; }
case $* in
*watch=true*)
  event ADDED test-worker "\"podCIDR\":\"10.244.1.0/24\"" 172.18.0.2
  event ADDED test-control-plane "\"podCIDR\":\"10.244.0.0/24\"" 172.18.0.3
  event ADDED test-worker2 "" 172.18.0.4
  event MODIFIED test-worker2 "\"podCIDR\":\"10.244.2.0/24\"" 172.18.0.4
  event DELETED test-worker2 "\"podCIDR\":\"10.244.2.0/24\"" 172.18.0.4 ;;
*/nodes/test-worker)
  if [[ -e ${0%/*}/asked ]]; then echo "{\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}}"; else touch "${0%/*}/asked"; echo "{\"spec\":{}}"; fi ;;
esac'
  run bash "$clone/pod-network.sh" || true
  check 'a node waits until the cluster has given it a range' called '^sleep 0.3'
  check 'a node reads the API server as its own kubelet' called '^curl .*kubelet-client-current.pem .*https://test-control-plane:6443/api/v1/nodes/test-worker$'
  conflist=$node/etc/cni/net.d/10-pod-network.conflist
  check 'pods get addresses of the range of their node' grep -qF '10.244.1.0/24' "$conflist"
  check 'no half of a configuration is left' test ! -e "$conflist.part"
  check 'pods are masqueraded outside of the cluster only' called '^ +ip saddr 10.244.1.0/24 ip daddr != [{] 10.244.0.0/16, 224.0.0.0/4 [}] masquerade'
  grep '^ip ' "$work/calls" >"$work/routes" || true
  printf 'ip route replace %s\n' '10.244.0.0/24 via 172.18.0.3' '10.244.2.0/24 via 172.18.0.4' >"$work/wanted"
  echo 'ip route delete 10.244.2.0/24' >>"$work/wanted"
  check 'there is a route to the range of each other node, as long as it has one' diff "$work/routes" "$work/wanted"
fi

fresh
stand_in .demo/bin/chart-promoter ''
stand_in docker 'exit 1'
check 'without Docker the demo is not removed' fails run "$clone/scripts/demo.sh" --down
check 'without Docker the demo'"'"'s cluster is named' prints '^error: Docker does not answer, .* demo-[0-9a-f]{6}'
check 'without Docker the demo is kept, to be removed later' test -x "$clone/.demo/bin/chart-promoter"
stand_in docker ''
check 'with Docker the demo is removed' run "$clone/scripts/demo.sh" --down
check 'with Docker the demo'"'"'s cluster is deleted' called '^chart-promoter cluster delete demo-'
check 'with Docker nothing of the demo stays' test ! -e "$clone/.demo"

# A clone of a release's repository has the files that it reads.
run functions demo.sh 'promoter_keys() { :; }
mkdir -p "$place" && git -C "$root" init -q && git -C "$root" -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m 1
repositories
git -C "$place/prod.git" config uploadpack.allowFilter false
repositories
for name in qa prod source; do printf "%s %s\n" $name "$(git -C "$place/$name.git" config uploadpack.allowFilter)"; done' || true
for name in qa prod source; do check "a clone of $name may be partial, also in a demo of before" prints "^$name true$"; done

# The demo's own cluster is created beside the tests.
stand_in kubectl ''
stand_in .demo/bin/chart-promoter 'echo no space left; exit 1'
stand_in go 'cat >"$0.read"; echo "images=(operator:1 node:1 other:1)"'
begin='mkdir -p "$place/run"
echo built >"$place/run/build.json"
prepare_cluster
echo kubeconfig >"$place/run/kubeconfig"
'
check 'a demo whose own cluster cannot be created ends' fails run functions demo.sh "$begin install"
check 'with the reason' prints '^no space left'
check 'it is created with the images of operator and nodes' called '^chart-promoter .* cluster create demo-[0-9a-f]{6} operator:1 node:1 --kubeconfig '
check 'which the build has noted' grep -q '"build": built}$' "$work/bin/go.read"
check 'and names the cluster' prints '^error: the cluster demo-[0-9a-f]{6} cannot be created'
# ends_too END [FIRST]: whether the creation ends with a demo that ends so in the middle of it.
ends_too() {
  rm -f "$clone/.demo/bin/pid"
  stand_in .demo/bin/chart-promoter 'echo $$ >"${0%/*}/pid"; exec sleep 300'
  run functions demo.sh "${2:-}$begin"'until [[ -s $bin/pid ]]; do sleep 0.1; done; '"$1" || true
  local deadline=$((SECONDS + 20)) pid
  pid=$(cat "$clone/.demo/bin/pid")
  while kill -0 "$pid" 2>/dev/null; do
    ((SECONDS < deadline)) || { kill "$pid" && return 1; }
    sleep 0.1
  done
}
check 'the creation ends with a demo that fails' ends_too 'die "the pipeline failed"'
if command -v setpriv >/dev/null; then
  check 'the creation ends with a demo that is killed' ends_too 'kill -9 $$'
fi
# gone PIDFILE: whether the process has ended, within 20 seconds.
gone() {
  local deadline=$((SECONDS + 20)) pid
  pid=$(<"$1")
  while kill -0 "$pid" 2>/dev/null; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
stand_in go 'touch "$0.begun"; for ((i = 0; i < 300; i++)); do [[ ! -e $0.ends ]] || break; sleep 0.1; done; echo "images=(operator:1 node:1)"'
stand_in .demo/bin/chart-promoter 'touch "${0%/*}/created"'
run functions demo.sh "$begin"'echo "$preparing" >"$place/creating"
until [[ -e $(command -v go).begun ]]; do sleep 0.1; done; kill -9 $$' || true
touch "$work/bin/go.ends"
check 'what would create the cluster ends with a demo that is killed before' gone "$clone/.demo/creating"
check 'and creates none' test ! -e "$clone/.demo/bin/created"
stand_in go 'echo "images=(operator:1 node:1)"'
check 'the creation ends with a demo that fails, without setpriv' ends_too 'die "the pipeline failed"' 'promoter=(env "$bin/chart-promoter"); '
stand_in .demo/bin/chart-promoter 'touch "${0%/*}/created"'
check 'a demo that fails before the tests begin ends' fails run functions demo.sh 'mkdir -p "$place/run"; prepare_cluster; die "the pipeline failed"'
check 'and creates no cluster' test ! -e "$clone/.demo/bin/created"

# nodes_that BODY: the demo's blocks, with nodes that have 101 of them on one chain but for what the body does.
nodes_that() {
  stand_in kubectl "$1"'
    case "$*" in *getblockcount) echo 101 ;; *getbestblockhash) printf "%064d\n" 7 ;; esac'
  run functions demo.sh blocks
}
check 'three nodes on one chain are well' nodes_that ''
check 'three nodes on one chain are shown' prints '^my-network-sts-2: 101 blocks, best 0*7$'
check 'a node that does not mine ends the demo' fails nodes_that '[[ $* != *generatetodescriptor* ]] || exit 1'
check 'a node that does not mine is named' prints '^error: my-network-sts-0 does not mine'
check 'a first node that does not answer ends the demo' fails nodes_that '[[ $* != *sts-0*getblockcount ]] || exit 1'
check 'a first node that does not answer is named' prints '^error: my-network-sts-0 does not report how many'
check 'a second node that does not return its block ends the demo' fails nodes_that '[[ $* != *sts-1*getbestblockhash ]] || exit 1'
check 'a second node that does not return its block is named' prints '^error: my-network-sts-1 does not report its best block'
check 'nodes that name no block end the demo' fails nodes_that '[[ $* != *getbestblockhash ]] || exit 0'
check 'a node on another chain ends the demo' fails nodes_that 'if [[ $* == *sts-1*getbestblockhash ]]; then printf "%064d\n" 8; exit; fi'
check 'a node on another chain is reported' prints '^error: the nodes are not on one chain'

# nodes_with IMAGES: the demo's comparison of the images that nodes run with the one that was built, whose digest ends in cd.
nodes_with() {
  stand_in kubectl "printf '%s' '$1'"
  run functions demo.sh 'images=(r/operator:1@sha256:ab r/bitcoind:1@sha256:cd); nodes_digest_runs'
}
check 'nodes with the image that was built are well' nodes_with 'r/bitcoind@sha256:cd r/bitcoind@sha256:cd'
check 'a node with another image ends the demo' fails nodes_with 'r/bitcoind@sha256:cd r/bitcoind@sha256:ab'
check 'a node with another image is reported' prints '^error: a node runs another image'
check 'a network without nodes ends the demo' fails nodes_with ''

run functions demo.sh 'KUBECTL_DIR=/some/where bin=/its/bin address=a; how_to_go_on' || true
check 'where kubectl came out of the node image, the demo prints how to find it' prints '^  export PATH=\$PATH:/its/bin:/some/where$'
run functions demo.sh 'KUBECTL_DIR= bin=/its/bin address=a; how_to_go_on' || true
check 'where kubectl is on the PATH, the demo names the directory of the plugin only' prints '^  export PATH=\$PATH:/its/bin$'

# The benches, with stand-ins that record a figure each.
fresh
stand_in scripts/machine.sh 'echo NODE_IMAGE=n KIND_CONFIG=c BITCOIND_IMAGE=b'
stand_in scripts/demo.sh ''
stand_in kubectl 'printf "%s\n" --leader-elect --node-image=r/bitcoind@sha256:cd'
stand_in go ''
stand_in git 'exit 1'
for name in run memory growth; do stand_in test/bench/$name.sh 'echo "new $BITCOIND_IMAGE" >"$RESULTS"'; done
stand_in test/bench/memory.sh 'printf "run\tmemory\nfigure\tsample\tvalue=2\nsample\tmemory\tsecond=2\n" >"$RESULTS"; exit 1'
mkdir "$clone/test/bench/results"
for name in run memory; do echo old >"$clone/test/bench/results/$name.tsv"; done
results() { cat "$clone/test/bench/results/$1.tsv"; }
check 'a bench that fails is reported' fails run "$clone/scripts/bench.sh" run memory growth
check 'a bench that fails is named' prints '^error: these benches failed: memory$'
check 'after a bench that fails, the next one runs' called '^growth.sh'
check 'the page is written all the same' called '^go run -C test ./bench/page bench/results ../docs$'
check 'without a demo, it runs before a bench of networks' called '^demo.sh'
check 'a whole run replaces the results, and its floor has the image of the operator' test "$(results run)" == 'new r/bitcoind@sha256:cd'
check 'a failed run comes after the results of before, without its samples' test "$(results memory)" == $'old\nrun\tmemory\nfigure\tsample\tvalue=2'
check 'a bench that does not exist ends all' fails run "$clone/scripts/bench.sh" run rum
check 'a bench that does not exist is named' prints '^error: there is no bench rum; they are: run packed'
check 'with a name that is wrong, no bench runs' fails called '^run.sh'
stand_in git 'echo tree'
stand_in curl ''
mkdir "$clone/.demo"
echo 127.0.0.1:7 >"$clone/.demo/address"
run "$clone/scripts/bench.sh" run
check 'a demo of the same sources does not run again' fails called '^demo.sh'
check 'its registry is asked' called '^curl .*http://127[.]0[.]0[.]1:7/v2/$'
stand_in curl 'exit 7'
run "$clone/scripts/bench.sh" run
check 'a demo without its registry runs again' called '^demo.sh'
stand_in curl ''
stand_in git 'echo "tree $2"'
run "$clone/scripts/bench.sh" run
check 'a demo of other sources runs again' called '^demo.sh'

# What the benches compute: numbers of their own functions.
fresh
mkdir -p "$clone/test/bench"
cp "$root"/test/bench/record.sh "$clone/test/bench"
sed '/simulated.sh growth$/,$d' "$root/test/bench/growth.sh" >"$clone/test/bench/growth.sh"
cp "$clone/test/bench/growth.sh" "$work/growth.sh"
revision() { git -C "$clone" add -A && git -C "$clone" -c user.name=a -c user.email=a@b commit -q --allow-empty -m "$1" && git -C "$clone" tag "$1"; }
git -C "$clone" init -q
revision v1
growth() { # CASE: what it records, after what growth.sh defines
  { cat "$work/growth.sh" && echo "$1"; } >"$clone/test/bench/growth.sh"
  rm -f "$work/growth.tsv"
  RESULTS=$work/growth.tsv run bash "$clone/test/bench/growth.sh"
}
recorded() { grep -qE "^$1\$" <(tr '\t' ' ' <"$work/growth.tsv"); }
growth 'record figure soak-heap "ratio=$(ratio 10000 2549)" "value=$(median 0.251 0.258 0.2549)" "rounds=$(greatest 9 0.5 1e-3 10)"'
check 'a ratio and a median beyond a limit are not rounded down to it' recorded 'figure soak-heap ratio=0.255 value=0.255 rounds=10'
growth 'unchanged 1 30 0 0 4; unchanged 1000 400 2 0 4; unchanged 2 199 3 1 4; unchanged 500 20 0 0 0; figures'
check 'the writes without changes are those of the row that has most for each network' recorded 'figure idle-writes value=0.5'
check 'so are the reads' recorded 'figure idle-reads value=1.5'
growth 'unchanged 1000 30 0 1 4; unchanged 2 250 3 0 4; figures'
check 'one write of a thousand networks is not nothing' recorded 'figure idle-writes value=0.001'
check 'renewed watches are no reads of a network' recorded 'figure idle-reads value=0'
check 'a bench whose operator never wrote fails' fails growth 'unchanged 1 30 0 0 0; unchanged 2 30 0 0 0; figures'
check 'it has no figure of writes' fails grep -qs idle-writes "$work/growth.tsv"

# The waits of the benches in a cluster, with half an hour that is over after four steps.
cp "$root"/test/bench/cluster.sh "$clone/test/bench"
cluster() { # CASE
  printf 'set -euo pipefail\nshopt -s inherit_errexit\n. "%s/test/bench/record.sh"\n. "%s/test/bench/cluster.sh"\nsleep() { SECONDS=$((SECONDS + 450)); }\n%s\n' "$clone" "$clone" "$1" \
    >"$work/cluster.sh"
  run env BITCOIND_IMAGE=b bash "$work/cluster.sh"
}
stand_in kubectl '[[ "$*" != *"get sts floor"* ]] || printf 2'
check 'a floor that is never ready ends the bench' fails cluster 'floor 3'
check 'a floor that is never ready is reported' prints '^after half an hour the floor has not 3 ready pods$'
check 'then the pods are printed' called '^kubectl --namespace bench-[0-9]+ get pods$'
check 'a floor that is ready is timed' cluster 'floor 2'
check 'the seconds of a floor are printed' prints '^[0-9]+[.][0-9][0-9]$'
stand_in kubectl '[[ "$*" != *"get pods"* ]] || echo pod/floor-0'
check 'pods that stay end the bench' fails cluster gone
check 'pods that stay are reported' prints '^after half an hour there are still pods$'
stand_in kubectl '[[ $1 != delete ]]'
check 'a namespace that does not end in time is no failure of the bench' cluster ':'
check 'a bench waits for the end of its namespace' called '^kubectl delete namespace bench-[0-9]+ --timeout=300s$'
stand_in kubectl '[[ "$*" != *"get pods -o name" ]]'
check 'pods are not gone where no API server answers' fails cluster gone

# In awk, what follows > in a print statement is a file, unless it is in parentheses.
relative=$(sed -n '/^relative()/,/^}/p' "$root/test/bench/growth.sh")
run bash -c "cd '$work' && $relative
relative '0 0 0 0' 'Random 1 10 1 20 8 3 6 2 30 9' 'Random 1 20 1 40 8 12 6 2 30 9'"
check 'the growth of a row is beside that of the first one' prints '^ +2.00 +0.50 +0.50 +0.50 +0.50$'

# The bench of what developers run daily, in a repository of two revisions, with a store of images that is a file.
fresh
mkdir -p "$clone/test/bench" "$clone/ci/kindnode/kube"
cp "$root"/test/bench/{daily,record}.sh "$clone/test/bench"
touch "$clone/ci/kindnode/kube/go.mod"
stand_in docker 'case "$1 $2" in
  "image ls") all=${*: -1} && all=${all#reference=} && grep "^${all%\*}" "$0.images" || true ;;
  tag*) echo "$3" >>"$0.images" ;;
  rmi*) for image in "${@:2}"; do sed -i "\\|^$image\$|d" "$0.images"; done ;;
esac'
stand_in go '[[ $* != "env GOCACHE" ]] || echo /go-build'
stand_in kubectl 'echo kind-demo-abcdef'
stand_in dpkg-query 'echo installed'
stand_in scripts/machine.sh 'echo NODE_IMAGE=n'
stand_in scripts/test.sh ''
stand_in scripts/demo.sh 'if [[ ${1:-} == --down ]]; then rm -r .demo; exit; fi
  mkdir -p .demo/bin && printf "#!/bin/bash\necho deleted \$3\n" >.demo/bin/chart-promoter && chmod +x .demo/bin/chart-promoter'
stand_in ci/kindnode/build.sh '{ ls -A "$XDG_CACHE_HOME"; grep kindnode: "${CALLS%/*}/bin/docker.images"; } | sed "s/^/cached: /" >>"$CALLS"; mkdir -p "$XDG_CACHE_HOME/go-build"
  echo bitcoin-controller/kindnode:new >>"${CALLS%/*}/bin/docker.images"'
git -C "$clone" init -q
revision v1
revision v2
images=$'bitcoin-controller/bitcoind:b\nbitcoin-controller/kindnode-root:old\nbitcoin-controller/kindnode:old'
printf '%s\n' "$images" >"$work/bin/docker.images"
mkdir "$work/daily"
daily() { run env CALLS="$work/calls" TMPDIR="$work/daily" RESULTS="$work/daily.tsv" PARTS="$1" "$clone/test/bench/daily.sh" "${2-v1}"; }
left() { [[ $(LC_ALL=C sort "$work/bin/docker.images") == "$images" && -z $(ls -A "$work/daily") && $(git -C "$clone" worktree list | wc -l) == 1 ]]; }
rm -f "$work/daily.tsv"
parts='demo cluster network'
if [[ $(id -u) == 0 ]] && grep -qsx 'ID=debian' /etc/os-release; then parts+=' nodeimage'; fi
check 'what is run daily is measured in two revisions' daily "$parts"
check 'each part has a figure, with the earlier revision' test "$(grep -c "^figure.daily-.*against=$(git -C "$clone" rev-parse --short=10 v1)$" "$work/daily.tsv")" == "$(wc -w <<<"$parts")"
if [[ $parts == *nodeimage ]]; then
  check 'each node image is built though there is one' called '^docker rmi bitcoin-controller/kindnode:old$'
  check 'each node image is built without a cache' fails called '^cached:'
fi
check 'nothing is left of it, and the node images have their names' left
check 'its demos are removed' test "$(grep -c '^demo.sh --down' "$work/calls")" == 2
check 'without the revision of before in the clone, nothing is measured' fails daily demo ''
check 'the revision that the clone lacks is named' prints "^error: the clone has no commit $(sed -n 's/^base=//p' "$root/test/bench/daily.sh"): name the earlier revision\$"
check 'without the revision of before in the clone, nothing has begun' fails called '^(docker|machine.sh)'
rm "$work/daily.tsv"
sed -i "s/^base=.*/base=$(git -C "$clone" rev-parse v1)/" "$clone/test/bench/daily.sh"
check 'without a name the revision of before is the fixed one' daily demo ''
check 'the figure names it' grep -q "^figure.daily-demo.*against=$(git -C "$clone" rev-parse --short=10 v1)$" "$work/daily.tsv"
stand_in scripts/test.sh 'exit 1'
stand_in ci/kindnode/build.sh 'exit 1'
revision v3
rm "$work/daily.tsv"
precedes() { (($(grep -nE "$1" "$work/calls" | tail -n 1 | cut -d : -f 1) < $(grep -nE "$2" "$work/calls" | head -n 1 | cut -d : -f 1))); }
check 'a part that fails twice fails the bench' fails daily 'cluster demo'
check 'what fails is named' prints '^error: scripts/test.sh --cluster \(after\) failed'
check 'the part is named' prints '^error: these parts failed: cluster$'
check 'after a part that fails, the next one is measured' grep -q '^figure.daily-demo.' "$work/daily.tsv"
check 'a part that fails has no figure' fails grep -q '^figure.daily-cluster-tests.' "$work/daily.tsv"
check 'nothing is left of a bench that fails' left
rm "$work/daily.tsv"
# A clock that goes a second with each glance; what fails takes a thousand.
echo 1000000000 >"$work/clock"
stand_in date "now=\$((\$(<$work/clock) + 1000000000)) && echo \$now >$work/clock && echo \$now"
once="if [[ ! -e $work/failed && \$(grep -c \"^\${0##*/}\" $work/calls) == 4 ]]; then touch $work/failed; echo 1000000000000 >$work/clock; exit 1; fi"
stand_in scripts/test.sh "$once"
revision v4
check 'a run that fails once is repeated' daily cluster v4
check 'without the time of the one that failed' grep -q '^figure.daily-cluster-tests.value=1.000.reference=1.000' "$work/daily.tsv"
check 'a run that fails was among them' test -e "$work/failed"
stand_in scripts/demo.sh 'if [[ ${1:-} == --down ]]; then rm -r .demo; exit; fi; mkdir -p .demo; exit 1'
revision v5
check 'a demo that fails fails the bench' fails daily 'demo cluster' v5
check 'it is removed before it is tried again, and before the next part' precedes '^demo.sh' '^test.sh'
check 'it is tried twice, and removed each time' test "$(grep '^demo.sh' "$work/calls" | xargs)" == 'demo.sh demo.sh --down demo.sh demo.sh --down'
if [[ $parts == *nodeimage ]]; then
  check 'a node image that cannot be built fails the bench' fails daily 'nodeimage demo'
  check 'the next part has the node images of before' precedes '^docker tag daily-.* bitcoin-controller/kindnode' '^demo.sh'
  check 'after a node image that cannot be built, those of before have their names' left
fi

exit $((failures > 0))
