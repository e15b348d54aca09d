# Sourced by run.sh, packed.sh and machines.sh after record.sh: a namespace of their own in the cluster that the kubeconfig names, and the
# floor of all times.
# shellcheck shell=bash
image=${BITCOIND_IMAGE:?name the image of bitcoind that the operator uses, as scripts/machine.sh prints it}
space=bench-$$
kubectl create namespace "$space" >/dev/null
# The next bench is not to pay for what this one leaves, nor to fail for what does not end.
trap 'kubectl delete namespace "$space" --timeout=300s >/dev/null || true' EXIT
kubectl --namespace "$space" create secret generic users --from-literal=BC_RPC_USER=user --from-literal=BC_RPC_PASSWORD=password >/dev/null
k() { kubectl --namespace "$space" "$@"; }

# until_that WHAT SECONDS COMMAND…: tries the command until it succeeds; after half an hour it prints the pods and fails.
until_that() {
  local what=$1 pause=$2 limit=$((SECONDS + 1800))
  shift 2
  until "$@"; do
    ((SECONDS < limit)) || { echo "after half an hour $what" >&2 && k get pods >&2 && return 1; }
    sleep "$pause"
  done
}

# gone: until no pod is left, and the kubelet has had time to clean up after them, so that one measurement does not pay for the
# one before.
gone() {
  until_that 'there are still pods' 0.5 no_pods
  sleep 5
}

# no_pods: an API server that does not answer may have pods.
no_pods() {
  local pods
  pods=$(k get pods -o name) && [[ -z $pods ]]
}

floor_ready() { [[ $(k get sts floor -o jsonpath='{.status.readyReplicas}') == "$1" ]]; }

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
  until_that "the floor has not $1 ready pods" 0.1 floor_ready "$1"
  seconds=$(seconds "$start" "$(now)")
  if (($# > 1)); then printed=$("${@:2}"); fi
  echo "$seconds${printed:+ $printed}"
  k delete sts floor >/dev/null
  gone
}
