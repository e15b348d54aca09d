#!/usr/bin/env bash
# Builds a node image for kind without any image registry, from Debian packages, Go modules and kind's own files.
# usage: build.sh          builds the image unless Docker has it
#        build.sh --name   prints its name, which holds a key of all its inputs
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../scripts/step.sh
. "$root/scripts/step.sh"
# shellcheck source-path=SCRIPTDIR source=../../scripts/airgap/apt.sh
. "$root/scripts/airgap/apt.sh"
# shellcheck source-path=SCRIPTDIR source=binaries.sh
. "$here/binaries.sh"

# Debian 12: its systemd is the last that boots on cgroup v1.
suite=bookworm
packages=systemd,systemd-sysv,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,e2fsprogs
packages+=,bash,ca-certificates,curl,jq,procps,socat,runc,hostname
# What kube-proxy calls, and the shell of the provisioner's pods. Without netbase's /etc/protocols, nft lists a number where kube-proxy
# wrote "tcp"; kube-proxy takes that for another entry, and once an hour, when it cleans up, deletes what it has just written.
small_packages=nftables,netbase,conntrack,kmod,busybox-static
undocumented=(--dpkgopt=path-exclude=/usr/share/{doc,man,info,locale,lintian}/'*')
hash_of() { sha256sum <<<"$*" | cut -c1-12; }
# version_of DIRECTORY MODULE: the version that the go.mod in the directory requires.
version_of() { GOWORK=off go -C "$1" list -m -f '{{.Version}}' "$2"; }
version=$(version_of "$here/kube" k8s.io/kubernetes)
kind_version=$(version_of "$root" sigs.k8s.io/kind)
storage_version=$(version_of "$here/kube" github.com/rancher/local-path-provisioner)
provisioner=bitcoin-controller/local-path-provisioner:$storage_version
storage_shell=bitcoin-controller/local-path-shell:$storage_version

work=$cache_dir/kindnode
small=$cache_dir/small-root-$suite-$(hash_of "$small_packages" "${undocumented[@]}")
node_root=bitcoin-controller/kindnode-root:$suite-$(hash_of "$packages" "${undocumented[@]}")
builder=bitcoin-controller-kindnode
# What an interrupted run leaves behind in Docker's store is found by this.
label=com.github.christianb93.bitcoin-controller=kindnode

image_name() {
  local key
  key=$(cd "$here" && key_of "$(go env GOVERSION GOARCH)" "$kind_version" -- \
    build.sh binaries.sh Dockerfile files kube coredns containerd cni pause)
  echo "bitcoin-controller/kindnode:$version-$key"
}

# node_root: the Debian part of the node, which changes least, as an image of its own.
node_root() {
  if have_image "$node_root"; then
    info 'node root file system: cached'
  else
    step 'node root file system' built node_root_now
  fi
}

node_root_now() {
  debian_root "$work/root.tar" "$suite" --variant=minbase --format=tar --include="$packages" "${undocumented[@]}"
  docker import --change "LABEL $label" "$work/root.tar" "$node_root"
  rm "$work/root.tar"
}

# small_root: a directory in the cache with the small packages and the libraries that they need.
small_root() {
  if [[ -d $small ]]; then
    info 'small root file system: cached'
  else
    step 'small root file system' unpacked \
      debian_root "$small" "$suite" --variant=extract --format=directory --include="$small_packages" "${undocumented[@]}"
  fi
  [[ -s $small/etc/protocols ]] || die "$small has no /etc/protocols, without which the cluster's Services end after an hour: remove that directory and start again"
}

# stage_context: kind's files come out of its Go module, where no file has an execute bit.
stage_context() {
  local context=$work/context kind
  rm -rf "$context"
  mkdir -p "$context/bin" "$context/cni"
  kind=$(cd "$root" && go mod download sigs.k8s.io/kind && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
  cp -r "$kind/images/base/files" "$context/kind"
  chmod -R u=rwX,go=rX "$context/kind"
  chmod 0755 "$context"/kind/usr/local/bin/* "$context"/kind/kind/bin/*
  cp -r "$here/files" "$here/Dockerfile" "$context"
  echo -n "$version" >"$context/files/kind/version"
  sed -i "s|PAUSE_IMAGE|$(image_for pause)|" "$context/files/etc/containerd/config.toml"
  sed -i "s|PROVISIONER_IMAGE|$provisioner|;s|SHELL_IMAGE|$storage_shell|" "$context/files/kind/manifests/default-storage.yaml"
  cp "${bin[kube]}/kube" "${bin[containerd]}"/* "$context/bin"
  cp "${bin[cni]}"/* "$context/cni"
}

# image_for NAME: the full name by which kubeadm requests an image.
image_for() { grep "/$1:" "$work/wanted"; }

# pack IMAGE CHANGE: turns the staged directory into an image of one layer.
pack() {
  tar -C "$work/stage" --owner=0 --group=0 -c . | docker import --change "LABEL $label" --change "$2" - "$1"
  rm -rf "$work/stage"
}

# stage FILE…: starts a new image directory with these programs.
stage() {
  rm -rf "$work/stage"
  mkdir -p "$work/stage/usr/local/bin"
  if (($#)); then cp "$@" "$work/stage/usr/local/bin"; fi
}

# pack_images: what "kubeadm config images list" names, and what the storage class needs.
pack_images() {
  local name path='ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  # One image under four names, so that the one binary is stored once.
  rm -rf "$work/stage"
  cp -a "$small" "$work/stage"
  mkdir -p "$work/stage/usr/local/bin"
  cp "${bin[kube]}/kube" "$work/stage/usr/local/bin"
  for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
    ln -s kube "$work/stage/usr/local/bin/$name"
  done
  pack "$(image_for kube-apiserver)" "$path"
  for name in kube-controller-manager kube-scheduler kube-proxy; do
    docker tag "$(image_for kube-apiserver)" "$(image_for "$name")"
  done
  stage "${bin[kube]}/etcd"
  pack "$(image_for etcd)" "$path"
  stage "${bin[coredns]}/coredns"
  pack "$(image_for coredns)" 'ENTRYPOINT ["/usr/local/bin/coredns"]'
  stage "${bin[pause]}/pause"
  pack "$(image_for pause)" 'ENTRYPOINT ["/usr/local/bin/pause"]'
  stage "${bin[kube]}/local-path-provisioner"
  pack "$provisioner" "$path"
  stage
  mkdir "$work/stage/bin"
  cp "$small/bin/busybox" "$work/stage/bin"
  for name in sh mkdir rm; do ln -s busybox "$work/stage/bin/$name"; done
  pack "$storage_shell" "$path"
}

# fill_node: unpacks the images with containerd in a running node, then keeps that node as the image. Only the
# unpacked form is kept: it need not be unpacked again at every start of a cluster. containerd's overlay file
# system cannot lie on Docker's, hence the volume, and the copy out of it.
fill_node() {
  docker build --build-arg "ROOT=$node_root" --tag "$builder" "$work/context"
  clear_builders
  docker volume create "$builder"
  docker run --detach --privileged --name "$builder" --volume "$builder:/var/lib/containerd" --entrypoint sleep "$builder" infinity
  docker exec --detach "$builder" containerd
  docker exec "$builder" timeout 60 sh -c 'until ctr version >/dev/null 2>&1; do sleep 0.2; done'
  mapfile -t images < <(cat "$work/wanted" && printf '%s\n' "$provisioner" "$storage_shell")
  docker save "${images[@]}" | docker exec --interactive "$builder" \
    ctr --namespace k8s.io images import --local --label io.cri-containerd.pinned=pinned --discard-unpacked-layers -
  # Deleting a lease is a way to wait for the garbage collector.
  docker exec "$builder" sh -c 'ctr -n k8s.io leases create --id last && ctr -n k8s.io leases delete --sync last'
  docker exec "$builder" timeout 60 sh -c 'pkill -x containerd; while pgrep -x containerd >/dev/null; do sleep 0.2; done'
  docker run --name "$builder-copy" --volume "$builder:/mnt:ro" --entrypoint cp "$builder" -a /mnt/. /var/lib/containerd/
  # A commit keeps how the container was started.
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'CMD []' "$builder-copy" "$1"
  clear_builders
  docker rmi "$builder" "${images[@]}"
  # Node images of earlier states go, unless a cluster runs on them.
  docker image ls --format '{{.Repository}}:{{.Tag}}' "${1%:*}" | grep -vxF "$1" | xargs -r docker rmi || true
  docker image prune --force --filter "label=$label"
}

clear_builders() {
  docker rm --force "$builder" "$builder-copy" >/dev/null 2>&1 || true
  docker volume rm --force "$builder" >/dev/null 2>&1 || true
}

# enough_space: what Go's cache, the packages and the images need on the way, measured and rounded up.
enough_space() {
  local wanted_gb=12 free_gb
  free_gb=$(($(df --output=avail -k "$cache_dir" | tail -n 1) / 1048576))
  ((free_gb >= wanted_gb)) || die "building a node image needs $wanted_gb GB, and $cache_dir has $free_gb GB left; free some, or set XDG_CACHE_HOME"
}

main() {
  local image
  image=$(image_name)
  if [[ ${1:-} == --name ]]; then
    echo "$image"
    return
  fi
  if have_image "$image"; then
    info "node image $image: cached"
    return
  fi
  "$root/scripts/airgap/engine.sh" fit
  enough_space
  apt_install mmdebstrap
  mkdir -p "$work"
  # Fetching packages and compiling get in each other's way little.
  {
    node_root
    small_root
  } &
  local roots=$! name
  for name in kube coredns containerd cni pause; do module "$name"; done
  wait "$roots"
  (exec -a kubeadm "${bin[kube]}/kube" config images list --kubernetes-version "$version") >"$work/wanted"
  step 'node files' staged stage_context
  step 'node container images' packed pack_images
  step "node image $image" built fill_node "$image"
  rm -rf "$work"
}

main "$@"
