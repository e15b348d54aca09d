package controller

import (
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// notice is an event that a person would want to know of.
type notice struct {
	kind, reason, action, note string
	// pod that the event is about, the first of several, "" for the network as a whole. Events that differ in nothing but their note are taken
	// for one by the API server's clients.
	pod string
}

// tell sends the events for what has changed between two statuses. It is called after the new status has been written, so
// that each transition is told once, also when the operator restarts.
func (r *Reconciler) tell(before *v1.BitcoinNetwork, l *look) {
	forked := before.Status.ChainTips > 1
	if l.memory.forked != nil {
		forked = *l.memory.forked
	}
	for _, n := range notices(before.Status, l.network, forked) {
		r.recorder.Eventf(l.network, n.related(l.network.Namespace), n.kind, n.reason, n.action, "%s", clip(n.note, longestNote))
	}
	partitioned := len(l.network.Spec.Partitions) > 0
	if was := l.memory.partitioned; was != nil && *was != partitioned {
		reason, note := "Partitioned", fmt.Sprintf("connections between the %d partitions are being cut", len(l.network.Spec.Partitions))
		if !partitioned {
			reason, note = "Healed", "the partitions are gone: the nodes are being connected again"
		}
		r.recorder.Eventf(l.network, nil, corev1.EventTypeNormal, reason, "Connect", "%s", note)
	}
	l.memory.partitioned = &partitioned
	// A fork is not gone because the nodes of one branch do not answer.
	forked = l.network.Status.ChainTips > 1 || forked && !allReady(l.network.Status)
	l.memory.forked = &forked
}

func allReady(status v1.BitcoinNetworkStatus) bool {
	return int(status.ReadyNodes) == len(status.Nodes)
}

func (n notice) related(namespace string) runtime.Object {
	if n.pod == "" {
		return nil
	}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: n.pod},
	}
}

// notices compares a status with the one before, and with whether a fork has been told of. Pure.
func notices(before v1.BitcoinNetworkStatus, network *v1.BitcoinNetwork, forked bool) []notice {
	now := network.Status
	var list []notice
	add := func(kind, reason, action, format string, args ...any) {
		list = append(list, notice{kind: kind, reason: reason, action: action, note: fmt.Sprintf(format, args...)})
	}
	switch {
	case before.ObservedGeneration == 0:
		add(corev1.EventTypeNormal, "Created", "Create", "network of %d nodes created", len(now.Nodes))
	case len(before.Nodes) != len(now.Nodes):
		add(corev1.EventTypeNormal, "Scaled", "Scale", "scaled from %d to %d nodes", len(before.Nodes), len(now.Nodes))
	}
	list = append(list, aboutNodes(before.Nodes, now.Nodes)...)
	switch {
	case now.ChainTips > 1 && !forked:
		add(corev1.EventTypeWarning, "Forked", "Compare", "the nodes are on %d competing branches", now.ChainTips)
	case now.ChainTips == 1 && forked && allReady(now):
		add(corev1.EventTypeNormal, "ForkGone", "Compare", "all nodes follow one branch again, at height %d", now.Height)
	}
	old := meta.FindStatusCondition(before.Conditions, v1.ConditionStalled)
	stalled := meta.FindStatusCondition(now.Conditions, v1.ConditionStalled)
	if meta.IsStatusConditionTrue(now.Conditions, v1.ConditionStalled) && (old == nil || old.Reason != stalled.Reason) {
		add(corev1.EventTypeWarning, stalled.Reason, "Start", "%s", stalled.Message)
	}
	return list
}

// aboutNodes tells of the nodes that have become ready, and of those that are lost, all of them at once: a network of fifty
// that starts is no reason for fifty events.
func aboutNodes(before, now []v1.NodeStatus) (list []notice) {
	// By name: a node of a group has another ordinal when the main group has grown.
	was := make(map[string]v1.NodeStatus, len(before))
	for _, n := range before {
		was[n.NodeName] = n
	}
	var ready, lost []string
	address := ""
	for _, n := range now {
		switch old := was[n.NodeName]; {
		case n.Ready && !old.Ready:
			ready, address = append(ready, n.NodeName), n.IP
		case !n.Ready && old.Ready:
			lost = append(lost, n.NodeName)
		}
	}
	if len(lost) > 0 {
		note := lost[0] + ", which was ready, is not any more"
		if len(lost) > 1 {
			note = fmt.Sprintf("%d nodes, which were ready, are not any more: %s", len(lost), strings.Join(lost, ", "))
		}
		list = append(list, notice{kind: corev1.EventTypeWarning, reason: "NodeLost", action: "Watch", note: note, pod: lost[0]})
	}
	if len(ready) > 0 {
		note := ready[0] + " is ready at " + address
		if len(ready) > 1 {
			note = fmt.Sprintf("%d nodes are ready: %s", len(ready), strings.Join(ready, ", "))
		}
		list = append(list, notice{kind: corev1.EventTypeNormal, reason: "NodeConnected", action: "Connect", note: note, pod: ready[0]})
	}
	return list
}

// differentPeers are the addresses of a node's peers without their ports: two connections with the same peer are one peer.
func differentPeers(peers []bitcoind.PeerInfo) map[string]bool {
	different := make(map[string]bool, len(peers))
	for _, peer := range peers {
		if peer.Version == 0 {
			continue
		}
		host, _, err := net.SplitHostPort(peer.Addr)
		if err != nil {
			host = strings.Trim(peer.Addr, "[]")
		}
		different[host] = true
	}
	return different
}
