# Sourced by build.sh: compiles the programs of the node, each module once for each state of its go.mod.
# shellcheck shell=bash disable=SC2154,SC2034,SC2164 # here and cache_dir are of build.sh, which reads bin; step sets -e

# Where the binaries of each module are, once module has been called for it.
declare -A bin

# module NAME: sets bin[NAME] to a directory in the cache with the module's binaries, compiled when it has none.
module() {
  local name=$1 dir key
  key=$(cd "$here" && key_of "$(go env GOVERSION GOARCH)" "$(declare -f "compile_$name" build)" -- "$name")
  dir=$cache_dir/bin/$name-$key
  if [[ -d $dir ]]; then
    info "compile $name: cached"
  else
    step "compile $name" compiled compile_into "$name" "$dir"
  fi
  bin[$name]=$dir
}

# The directory gets its name when it is complete; what an interrupted run left is compiled again, mostly
# out of Go's own cache.
compile_into() {
  local name=$1 dir=$2
  rm -rf "$dir.part"
  mkdir "$dir.part"
  cd "$here/$name"
  "compile_$name" "$dir.part"
  rm -rf "$cache_dir/bin/$name"-????????????
  mv "$dir.part" "$dir"
}

# build LDFLAGS ARGUMENT…: without what debuggers need, which -s drops in the end, and with a compiler that collects its garbage less often:
# coredns took 63 s in place of 75.
build() {
  local ldflags=$1
  shift
  CGO_ENABLED=0 GOWORK=off GOGC=400 go build -mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags "-s -w $ldflags" "$@"
}

compile_kube() {
  local version package flags=()
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  # kubeadm fails when it does not know its own version.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=(-X "$package.gitVersion=$version" -X "$package.gitCommit=$version" -X "$package.gitTreeState=clean"
      -X "$package.gitMajor=$(cut -d. -f1 <<<"${version#v}")" -X "$package.gitMinor=$(cut -d. -f2 <<<"$version")")
  done
  build "${flags[*]}" -o "$1/kube" .
  build '' -o "$1/etcd" go.etcd.io/etcd/server/v3
  build '' -o "$1/local-path-provisioner" github.com/rancher/local-path-provisioner
}

compile_coredns() { build '' -o "$1/coredns" .; }

compile_containerd() {
  local version
  version=$(go list -m -f '{{.Version}}' github.com/containerd/containerd/v2)
  build "-X github.com/containerd/containerd/v2/version.Version=$version" \
    -tags 'no_aufs no_zfs no_btrfs no_devmapper' -o "$1/" \
    github.com/containerd/containerd/v2/cmd/{containerd,ctr,containerd-shim-runc-v2}
}

compile_cni() {
  build '' -o "$1/" github.com/containernetworking/plugins/plugins/{main/ptp,main/loopback,ipam/host-local,meta/portmap}
}

compile_pause() { build '' -o "$1/pause" .; }
