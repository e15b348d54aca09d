package controller

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// node is one desired node of a network.
type node struct {
	ordinal int
	group   resources.Group
	podName string
	// podNumber is that at the end of podName, slot the number of the node in its pod, and shared is true when the pod has several nodes,
	// or may have.
	podNumber, slot int
	shared          bool
	// reported is what the supervisor of a shared pod reported last of the node's process, nil before, and failing is true when the
	// process ends again and again.
	reported *api.Node
	failing  bool
	// pod is nil while it does not exist.
	pod *corev1.Pod
	// podReady is the kubelet's condition.
	podReady bool
	// answer is the node's answer to the latest probe; nil when it does not answer.
	answer *answer
	// busy is true when the answer is an earlier one, because all RPC threads of the node are taken by other calls, and busyLately
	// when that is so or was so a short time ago.
	busy, busyLately bool
	// missed is true when the answer is an earlier one, because the last probe failed or takes long.
	missed bool
	// err is why the node does not answer; nil when no probe was sent.
	err error
}

// nodeKey identifies a node as long as its pod exists.
type nodeKey struct {
	pod  types.UID
	slot int
}

// process is one bitcoind: a node that restarts gets another one, without its addnode list and without loaded wallets.
type process struct {
	nodeKey
	id string
}

// key of a node whose pod exists.
func (n *node) key() nodeKey { return nodeKey{n.pod.UID, n.slot} }

// process of a node whose pod exists.
func (n *node) process() process {
	id := containerID(n.pod)
	if n.reported != nil {
		id = fmt.Sprintf("%s/%d", id, n.reported.Started)
	}
	return process{n.key(), id}
}

// name of the node for people.
func (n *node) name() string { return nameOfNode(n.podName, n.slot, n.shared) }

func nameOfNode(pod string, slot int, shared bool) string {
	if shared {
		return fmt.Sprintf("%s/%d", pod, slot)
	}
	return pod
}

// port of the node, of which first is that of the first node in a pod.
func (n *node) port(first int32) int {
	return int(v1.PortInSlot(first, int32(n.slot))) //nolint:gosec // at most 249
}

// ready means that the kubelet reports the pod as ready and bitcoind answers the operator, or is only too busy to.
func (n *node) ready() bool { return n.podReady && n.answer != nil }

// callable means that the node is ready and will carry out a call soon.
func (n *node) callable() bool { return n.ready() && !n.busy }

// running reports whether bitcoind runs and can be called.
func (n *node) running() bool {
	return running(n.pod) && (!n.shared || n.reported != nil && n.reported.Running)
}

// unreported means that the supervisor of the node's pod, which runs, has not reported yet whether the node does.
func (n *node) unreported() bool {
	return n.shared && running(n.pod) && n.reported == nil && !errors.Is(n.err, errNotStarted)
}

// shareOf the nodes of a group is what the node's pod runs of them.
func (n *node) shareOf(nodes int) int {
	return min(max(nodes-n.podNumber*n.group.PerPod, 0), n.group.PerPod)
}

// startedAt is when bitcoind started; false when it does not run.
func (n *node) startedAt() (at time.Time, runs bool) {
	status := nodeContainerStatus(n.pod)
	switch {
	case status == nil || status.State.Running == nil:
		return time.Time{}, false
	case n.shared && (n.reported == nil || !n.reported.Running):
		return time.Time{}, false
	case n.shared:
		return n.reported.Since, true
	}
	return status.State.Running.StartedAt.Time, true
}

// ip is the address of the pod; "" when it has none or is being deleted, so that no node dials it any more.
func (n *node) ip() string {
	if n.pod == nil || !n.pod.DeletionTimestamp.IsZero() {
		return ""
	}
	return n.pod.Status.PodIP
}

// restarted reports whether bitcoind has run before in the pod.
func (n *node) restarted() bool {
	status := nodeContainerStatus(n.pod)
	return status != nil && status.RestartCount > 0 || n.reported != nil && n.reported.Started > 1
}

// newNode is the i-th node of a group, with its pod if that exists.
func newNode(ordinal int, group resources.Group, i int, pod *corev1.Pod) node {
	n := node{
		ordinal: ordinal, group: group, podName: group.PodName(i), podNumber: group.PodOf(i), slot: group.SlotOf(i), shared: group.Packed(),
	}
	if pod != nil {
		n.pod, n.podReady = pod, podReady(pod)
	}
	return n
}
