#!/bin/bash
# The pod network of this node, in place of a CNI daemon: a ptp network of the range that the cluster gave the node
# (spec.podCIDR), and a route to the range of every other node. Runs as long as the node, since nodes come and go.
set -euo pipefail

name=$(hostname)
config=/etc/cni/net.d/10-pod-network.conflist

# get PATH OPTION…: reads from the API server as this node's kubelet.
get() {
  local path=$1 server
  shift
  server=$(awk '$1 == "server:" { print $2 }' /etc/kubernetes/kubelet.conf)
  curl --silent --fail --no-buffer --connect-timeout 5 --keepalive-time 10 \
    --cacert /etc/kubernetes/pki/ca.crt --cert /var/lib/kubelet/pki/kubelet-client-current.pem "$@" "$server$path"
}

# own_range: waits until the cluster has given this node one.
own_range() {
  local range
  until range=$(get "/api/v1/nodes/$name" --max-time 10 2>/dev/null | jq --raw-output '.spec.podCIDR // empty') && [[ -n $range ]]; do
    sleep 0.3
  done
  echo "$range"
}

# write_config RANGE: what the container runtime reads. It sees the file when it is complete.
write_config() {
  mkdir -p "${config%/*}"
  jq --null-input --arg range "$1" '{
    cniVersion: "1.0.0", name: "pod-network", plugins: [
      {type: "ptp", ipam: {type: "host-local", dataDir: "/run/cni-ipam-state", routes: [{dst: "0.0.0.0/0"}], ranges: [[{subnet: $range}]]}},
      {type: "portmap", capabilities: {portMappings: true}}
    ]}' >"$config.part"
  mv "$config.part" "$config"
}

# masquerade RANGE: pods reach each other under their own addresses, on whatever node, and all else under the node's.
masquerade() {
  local pods
  pods=$(awk '$1 == "podSubnet:" { gsub(/"/, "", $2); print $2; exit }' /kind/kubeadm.conf)
  nft --file - <<END
table ip pod-network
delete table ip pod-network
table ip pod-network {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr $1 ip daddr != { ${pods:?}, 224.0.0.0/4 } masquerade
  }
}
END
}

# follow_routes: sets the routes as the nodes come, change and go, until the API server ends the watch.
follow_routes() {
  local change range address
  get '/api/v1/nodes?watch=true&timeoutSeconds=300' --max-time 330 |
    jq --unbuffered --raw-output --arg name "$name" '
      select(.object.kind == "Node" and .object.metadata.name != $name and .object.spec.podCIDR) |
      [.type, .object.spec.podCIDR, (.object.status.addresses // [] | map(select(.type == "InternalIP")) | .[0].address)] |
      select(.[2]) | @tsv' |
    while read -r change range address; do
      if [[ $change == DELETED ]]; then
        ip route delete "$range" 2>/dev/null || true
      else
        ip route replace "$range" via "$address" || true
      fi
    done
}

until [[ -s /etc/kubernetes/kubelet.conf && -e /var/lib/kubelet/pki/kubelet-client-current.pem ]]; do sleep 0.3; done
range=$(own_range)
masquerade "$range"
write_config "$range"
while :; do
  # It fails until the cluster has granted the right to read nodes, and while the API server is away.
  follow_routes || true
  sleep 1
done
