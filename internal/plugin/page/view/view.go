// Package view turns networks, events and pods into what the page shows. It is pure. All text of nodes and of other people is shortened
// here, and has no control characters: the page shows it as text.
package view

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The keys of the values.
const (
	networks = "network/"
	nodes    = "node/"
	tips     = "tip/"
	mempools = "mempool/"
	events   = "event/"
)

// NetworkKey is that of a network.
func NetworkKey(network string) string { return networks + network }

// NodesPrefix is the beginning of the keys of all nodes of a network.
func NodesPrefix(network string) string { return nodes + network + "/" }

// NodeKey is that of a node.
func NodeKey(network string, ordinal int) string {
	return fmt.Sprintf("%s%s/%d", nodes, network, ordinal)
}

// TipsPrefix is the beginning of the keys of the best blocks of all nodes of a network.
func TipsPrefix(network string) string { return tips + network + "/" }

// TipKey is that of the best block of a node.
func TipKey(network string, ordinal int) string {
	return fmt.Sprintf("%s%s/%d", tips, network, ordinal)
}

// MempoolsPrefix is the beginning of the keys of all mempools of a network.
func MempoolsPrefix(network string) string { return mempools + network + "/" }

// MempoolKey is that of the mempool of a node.
func MempoolKey(network string, ordinal int) string {
	return fmt.Sprintf("%s%s/%d", mempools, network, ordinal)
}

// EventKey is that of an event.
func EventKey(uid string) string { return events + uid }

// Network is a network without its nodes.
type Network struct {
	Name        string        `json:"name"`
	Topology    string        `json:"topology"`
	Nodes       int           `json:"nodes"`
	Ready       int32         `json:"ready"`
	Height      int64         `json:"height"`
	Tips        int32         `json:"tips"`
	Connections int32         `json:"connections"`
	Desired     int           `json:"desired"`
	State       string        `json:"state"`
	Good        bool          `json:"good"`
	Message     string        `json:"message,omitempty"`
	Mining      string        `json:"mining,omitempty"`
	Sides       []v1.Ordinals `json:"sides,omitempty"`
	Groups      []string      `json:"groups,omitempty"`
	Foreign     []Foreign     `json:"foreign,omitempty"`
	// Edges is false when the operator does not report connections: it is older than the plugin.
	Edges bool `json:"edges"`
}

// Foreign is a program outside the network.
type Foreign struct {
	Address string      `json:"address"`
	Version string      `json:"version"`
	Nodes   v1.Ordinals `json:"nodes"`
}

// Node is a node as the API server has it.
type Node struct {
	Ordinal int         `json:"ordinal"`
	Pod     string      `json:"pod"`
	Group   string      `json:"group,omitempty"`
	Ready   bool        `json:"ready"`
	Problem string      `json:"problem,omitempty"`
	Started string      `json:"started,omitempty"`
	Peers   int32       `json:"peers"`
	Foreign int32       `json:"foreign,omitempty"`
	Version string      `json:"version,omitempty"`
	Peered  v1.Ordinals `json:"peered,omitempty"`
	Wanted  v1.Ordinals `json:"wanted,omitempty"`
}

// Event is what the operator reports.
type Event struct {
	Network string `json:"network"`
	Time    int64  `json:"time"`
	Warning bool   `json:"warning,omitempty"`
	Reason  string `json:"reason"`
	Note    string `json:"note"`
	Count   int32  `json:"count,omitempty"`
}

// maxText is longer than any text that has use on the page.
const maxText = 400

// Text is what a node or another person wrote.
func Text(text string) string {
	text = terminal.Line(text)
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}

// OfNetwork is what the page shows of a network.
func OfNetwork(network *v1.BitcoinNetwork) Network {
	status := network.Status
	n := Network{
		Name: network.Name, Topology: string(v1.TopologyMesh), Nodes: len(noderef.Nodes(network)), Ready: status.ReadyNodes,
		Height: status.Height, Tips: status.ChainTips, Connections: status.Connections, State: "Unknown", Mining: mining(network.Spec.Mining),
	}
	n.Desired = len(topology.Desired(topology.SpecOf(network.Spec, n.Nodes)))
	if t := network.Spec.Topology; t != nil && t.Type != "" {
		n.Topology = string(t.Type)
	}
	if ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady); ready != nil {
		n.State, n.Good, n.Message = ready.Reason, ready.Status == "True", Text(ready.Message)
	}
	for _, partition := range network.Spec.Partitions {
		n.Sides = append(n.Sides, v1.NewOrdinals(partition.Nodes))
	}
	for _, group := range network.Spec.Groups {
		n.Groups = append(n.Groups, group.Name)
	}
	for _, peer := range status.ForeignPeers {
		if own(peer) {
			continue
		}
		n.Foreign = append(n.Foreign, Foreign{Text(peer.Address), Text(peer.Version), v1.NewOrdinals(peer.Nodes)})
	}
	n.Edges = status.Connections == 0
	for _, node := range status.Nodes {
		n.Edges = n.Edges || node.ConnectedWith != ""
	}
	return n
}

// own reports whether a peer from outside is this plugin, which hears blocks.
func own(peer v1.ForeignPeer) bool { return strings.HasPrefix(peer.Version, "/kubectl-btcnet:") }

func mining(mining *v1.Mining) string {
	if mining == nil {
		return ""
	}
	text := fmt.Sprintf("a block every %s", v1.DefaultMiningInterval)
	switch {
	case mining.KeepAlive != nil:
		text = fmt.Sprintf("a block when the last one is %s old", mining.KeepAlive.Duration)
	case mining.Interval != nil:
		text = fmt.Sprintf("a block every %s", mining.Interval.Duration)
	}
	if mining.Node != nil {
		text += fmt.Sprintf(", by node %d", *mining.Node)
	}
	return text
}

// OfNodes are the nodes of a network, by key; pods are by name, and may be missing.
func OfNodes(network *v1.BitcoinNetwork, pods func(name string) *corev1.Pod) map[string]any {
	all := noderef.Nodes(network)
	wanted := map[int][]int32{}
	for _, e := range topology.Desired(topology.SpecOf(network.Spec, len(all))) {
		wanted[e.A] = append(wanted[e.A], int32(e.B)) //nolint:gosec // at most 500
		wanted[e.B] = append(wanted[e.B], int32(e.A)) //nolint:gosec // at most 500
	}
	status, listening := map[int]*v1.NodeStatus{}, map[int]int32{}
	for i := range network.Status.Nodes {
		status[int(network.Status.Nodes[i].Ordinal)] = &network.Status.Nodes[i]
	}
	for _, peer := range network.Status.ForeignPeers {
		for _, ordinal := range peer.Nodes {
			if s := status[int(ordinal)]; s != nil && own(peer) {
				listening[int(ordinal)]++
			}
		}
	}
	values := make(map[string]any, len(all))
	for _, at := range all {
		node := Node{Ordinal: at.Ordinal, Pod: at.Pod, Group: at.Group, Wanted: v1.NewOrdinals(wanted[at.Ordinal])}
		if s := status[at.Ordinal]; s != nil {
			node.Ready, node.Peers, node.Foreign, node.Version, node.Peered = s.Ready, s.Peers-listening[at.Ordinal], max(s.ForeignPeers-listening[at.Ordinal], 0), Text(s.Version), s.ConnectedWith
		}
		if pods != nil {
			pod := pods(noderef.At(at.Pod).Pod)
			node.Problem = problem(pod, node.Ready)
			// The operator reports a lost node with its next reconcile; the pod shows it at once.
			node.Ready = node.Ready && node.Problem == ""
			if pod != nil && pod.Status.StartTime != nil {
				node.Started = pod.Status.StartTime.UTC().Format(time.RFC3339)
			}
		}
		values[NodeKey(network.Name, at.Ordinal)] = node
	}
	return values
}

// problem is why a pod cannot be a node of the network.
func problem(pod *corev1.Pod, ready bool) string {
	switch {
	case pod == nil:
		return "its pod does not exist"
	case pod.DeletionTimestamp != nil:
		return "its pod is being deleted"
	case pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodUnknown:
		return "its pod is " + Text(string(pod.Status.Phase))
	}
	for _, container := range pod.Status.ContainerStatuses {
		switch state := container.State; {
		case state.Waiting != nil:
			return Text(state.Waiting.Reason)
		case state.Terminated != nil:
			return "bitcoind has ended: " + Text(state.Terminated.Reason)
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return Text(condition.Message)
		}
	}
	if !ready {
		return "bitcoind does not answer yet"
	}
	return ""
}

// OfEvent is what the page shows of an event of a network.
func OfEvent(event *corev1.Event) Event {
	at := event.EventTime.Time
	if series := event.Series; series != nil {
		at = series.LastObservedTime.Time
	}
	for _, other := range []time.Time{event.LastTimestamp.Time, event.FirstTimestamp.Time, event.CreationTimestamp.Time} {
		if at.IsZero() {
			at = other
		}
	}
	shown := Event{Network: event.InvolvedObject.Name, Time: at.UnixMilli(), Warning: event.Type == corev1.EventTypeWarning, Reason: Text(event.Reason), Note: Text(event.Message)}
	if event.Series != nil {
		shown.Count = event.Series.Count
	}
	return shown
}
