# Sourced by run.sh, packed.sh and machines.sh after record.sh: a namespace of their own in the cluster that the kubeconfig names, and the
# floor of all times.
# shellcheck shell=bash
image=${BITCOIND_IMAGE:?name the image of bitcoind that the operator uses, as scripts/machine.sh prints it}
space=bench-$$
kubectl create namespace "$space" >/dev/null
trap 'kubectl delete namespace "$space" --wait=false >/dev/null' EXIT
kubectl --namespace "$space" create secret generic users --from-literal=BC_RPC_USER=user --from-literal=BC_RPC_PASSWORD=password >/dev/null
k() { kubectl --namespace "$space" "$@"; }

# gone: until no pod is left, and the kubelet has had time to clean up after them, so that one measurement does not pay for the
# one before.
gone() {
  while [[ $(k get pods --no-headers 2>/dev/null | wc -l) != 0 ]]; do sleep 0.5; done
  sleep 5
}

# Of several cluster nodes, the one with the control plane takes pods too.
toleration='{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}'

# floor NODES [COMMAND…]: seconds until the pods are ready, and what the command prints while they run.
floor() {
  local start seconds printed=''
  start=$(now)
  k apply -f - >/dev/null <<END
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: floor}
spec:
  replicas: $1
  serviceName: floor
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: floor}}
  template:
    metadata: {labels: {app: floor}}
    spec:
      terminationGracePeriodSeconds: 5
      tolerations: [$toleration]
      containers:
      - name: bitcoind
        image: $image
        imagePullPolicy: IfNotPresent
        command: [bitcoind, -regtest, -server, -datadir=/tmp, -rpcuser=u, -rpcpassword=p, -rpcbind=0.0.0.0, -rpcallowip=0.0.0.0/0,
          -rpcport=18332, -dbcache=4, -maxmempool=5, -par=1, -rpcthreads=2, -listenonion=0, -dnsseed=0, -discover=0]
        readinessProbe: {tcpSocket: {port: 18332}, periodSeconds: 1}
END
  until [[ $(k get sts floor -o jsonpath='{.status.readyReplicas}') == "$1" ]]; do sleep 0.1; done
  seconds=$(seconds "$start" "$(now)")
  if (($# > 1)); then printed=$("${@:2}"); fi
  echo "$seconds${printed:+ $printed}"
  k delete sts floor >/dev/null
  gone
}
