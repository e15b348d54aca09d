package controller

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// recordedEvents is what the events have reported of a network; nil before the first pass.
type recordedEvents struct {
	partitioned, forked *bool
}

// resume sets what an earlier process of the operator has reported: the partitions, if it has observed the current generation.
func (r *recordedEvents) resume(network *v1.BitcoinNetwork) {
	if r.partitioned == nil && network.Status.ObservedGeneration == network.Generation {
		r.partitioned = ptr.To(len(network.Spec.Partitions) > 0)
	}
}

// recordEvents records an event for each transition between two statuses.
func (r *Reconciler) recordEvents(before v1.BitcoinNetworkStatus, network *v1.BitcoinNetwork, recorded *recordedEvents) {
	list, now := transitions(before, network, *recorded)
	eventlog.Record(r.recorder, network, list...)
	*recorded = now
}

// transitions returns what has changed since the previous status and since the recorded events, and what is recorded then.
func transitions(before v1.BitcoinNetworkStatus, network *v1.BitcoinNetwork, recorded recordedEvents) ([]eventlog.Event, recordedEvents) {
	status := network.Status
	var list []eventlog.Event
	add := func(eventType, reason, action, format string, args ...any) {
		list = append(list, eventlog.Event{Type: eventType, Reason: reason, Action: action, Note: fmt.Sprintf(format, args...)})
	}
	switch {
	case status.ObservedGeneration <= 0: // the first pass has failed
	case before.ObservedGeneration <= 0: // -1 is the default of the CRD
		add(corev1.EventTypeNormal, v1.EventCreated, "Create", "network of %d nodes created", len(status.Nodes))
	case len(before.Nodes) != len(status.Nodes):
		add(corev1.EventTypeNormal, v1.EventScaled, "Scale", "scaled from %d to %d nodes", len(before.Nodes), len(status.Nodes))
	}
	list = append(list, nodeTransitions(before.Nodes, status.Nodes, network.Spec.NodesInPod() > 1)...)
	if fell, ok := heightTransition(before, network); ok {
		list = append(list, fell)
	}
	forked := ptr.Deref(recorded.forked, before.ChainTips > 1)
	switch {
	case status.ChainTips > 1 && !forked:
		add(corev1.EventTypeWarning, v1.EventForked, "Compare", "the nodes are on %d competing branches", status.ChainTips)
	case status.ChainTips == 1 && forked && allReady(status):
		add(corev1.EventTypeNormal, v1.EventForkGone, "Compare", "all nodes follow one branch again, at height %d", status.Height)
	}
	list = append(list, eventlog.Stalled(before.Conditions, status.Conditions, v1.ConditionStalled)...)
	list = append(list, eventlog.Failed(before.Conditions, status.Conditions, v1.ConditionNodesReady, v1.ReasonReconcileFailed)...)
	list = append(list, miningTransitions(before.Conditions, status)...)
	if reason, message := unconnected(status); reason != "" {
		if before, _ := unconnected(before); before != reason {
			add(corev1.EventTypeWarning, reason, "Connect", "%s", message)
		}
	}
	partitioned := len(network.Spec.Partitions) > 0
	switch {
	case recorded.partitioned == nil || *recorded.partitioned == partitioned:
	case partitioned:
		add(corev1.EventTypeNormal, v1.EventPartitioned, "Connect", "removing the connections between the %d partitions", len(network.Spec.Partitions))
	default:
		add(corev1.EventTypeNormal, v1.EventHealed, "Connect", "the partitions are removed: reconnecting the nodes")
	}
	// A fork still exists when the nodes of one branch do not answer.
	forked = status.ChainTips > 1 || forked && !allReady(status)
	return list, recordedEvents{partitioned: &partitioned, forked: &forked}
}

// unconnected returns the reason and the message of the condition Connected if it is one that a person has caused on the nodes.
func unconnected(status v1.BitcoinNetworkStatus) (reason, message string) {
	connected := meta.FindStatusCondition(status.Conditions, v1.ConditionConnected)
	if connected == nil || connected.Reason != v1.ReasonNetworkInactive && connected.Reason != v1.ReasonPartitionBridged {
		return "", ""
	}
	return connected.Reason, connected.Message
}

// recordRemovedByHand records an event for each entry of an addnode list that a person added and the operator removes.
func (r *Reconciler) recordRemovedByHand(network *v1.BitcoinNetwork, nodes []node, removed []topology.Action) {
	for _, action := range removed {
		n := &nodes[action.Node]
		eventlog.Record(r.recorder, network, eventlog.Event{
			Type: corev1.EventTypeWarning, Reason: v1.EventAddedNodeRemoved, Action: "Connect", Pod: n.podName,
			Note: fmt.Sprintf("%s is removed from the addnode list of %s: it leads to node %d, which the topology does not connect with node %d",
				truncate.UTF8(action.Target, maxVersionBytes), n.name(), action.Peer, action.Node),
		})
	}
}

func allReady(status v1.BitcoinNetworkStatus) bool {
	return int(status.ReadyNodes) == len(status.Nodes)
}

// nodeTransitions are the nodes that became ready and those that were lost, in one event each: a network of fifty nodes that
// starts is no reason for fifty events.
func nodeTransitions(before, now []v1.NodeStatus, shared bool) (list []eventlog.Event) {
	// By name: a node of a group has another ordinal when the main group has grown.
	previous := make(map[string]v1.NodeStatus, len(before))
	for _, n := range before {
		previous[nameOfNode(n.NodeName, int(n.Slot), shared)] = n
	}
	var ready, lost []string
	var firstReady, firstLost v1.NodeStatus
	for _, n := range now {
		name := nameOfNode(n.NodeName, int(n.Slot), shared)
		switch old := previous[name]; {
		case n.Ready && !old.Ready:
			if ready = append(ready, name); len(ready) == 1 {
				firstReady = n
			}
		case !n.Ready && old.Ready:
			if lost = append(lost, name); len(lost) == 1 {
				firstLost = n
			}
		}
	}
	if len(lost) > 0 {
		note := fmt.Sprintf("node %s is no longer ready", lost[0])
		if len(lost) > 1 {
			note = fmt.Sprintf("%d nodes are no longer ready: %s", len(lost), strings.Join(lost, ", "))
		}
		list = append(list, eventlog.Event{Type: corev1.EventTypeWarning, Reason: v1.EventNodeLost, Action: "Watch", Note: note, Pod: firstLost.NodeName})
	}
	if len(ready) > 0 {
		note := fmt.Sprintf("node %s is ready at %s", ready[0], firstReady.IP)
		if len(ready) > 1 {
			note = fmt.Sprintf("%d nodes are ready: %s", len(ready), strings.Join(ready, ", "))
		}
		list = append(list, eventlog.Event{Type: corev1.EventTypeNormal, Reason: v1.EventNodeReady, Action: "Watch", Note: note, Pod: firstReady.NodeName})
	}
	return list
}
