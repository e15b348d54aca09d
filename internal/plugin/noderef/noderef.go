// Package noderef reads how people name nodes: NETWORK/NODE, where NODE is an ordinal of the network, the name of a pod, or a group with a
// number within the group. It is pure: it knows the network's spec, not the cluster.
package noderef

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Node is a node of a network.
type Node struct {
	// Ordinal in the network, over all groups.
	Ordinal int
	// Pod is where it runs, the name of a Place: that of its pod, and POD/SLOT when the pod has several nodes.
	Pod string
	// Group is empty for the main group, and Index the number within the group.
	Group string
	Index int
}

// Nodes are the desired nodes of a network, by ordinal.
func Nodes(network *v1.BitcoinNetwork) []Node {
	var nodes []Node
	for _, group := range resources.Groups(network, "") {
		for i := range group.Nodes {
			nodes = append(nodes, Node{Ordinal: group.First + i, Pod: place(group, i).String(), Group: group.Name, Index: i})
		}
	}
	return nodes
}

func place(group resources.Group, i int) Place {
	return Place{Pod: group.PodName(i), Slot: int32(group.SlotOf(i)), Packed: group.PerPod > 1} //nolint:gosec // at most MaxNodesPerPod
}

// Ref is a network and perhaps one of its nodes.
type Ref struct {
	Network string
	// parts after the network: none, NODE, or GROUP and NUMBER, or POD and SLOT.
	parts []string
}

// Parse reads NETWORK, NETWORK/NODE or NETWORK/GROUP/NUMBER.
func Parse(text string) (Ref, error) {
	parts := strings.Split(text, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return Ref{}, invalid.Errorf("%q names no node: write NETWORK, NETWORK/2, NETWORK/POD, NETWORK/POD/SLOT or NETWORK/GROUP/0", text)
	}
	return Ref{Network: parts[0], parts: parts[1:]}, nil
}

// Names reports whether the reference names a node, not only a network.
func (r Ref) Names() bool { return len(r.parts) > 0 }

// String is the reference as it was written.
func (r Ref) String() string { return strings.Join(append([]string{r.Network}, r.parts...), "/") }

// Node is the named node, or node 0 when none is named.
func (r Ref) Node(network *v1.BitcoinNetwork) (Node, error) {
	return r.choose(Nodes(network), "btcnet")
}

// choose is Node among the nodes of a network of either kind; short is the name of the kind for kubectl.
func (r Ref) choose(nodes []Node, short string) (Node, error) {
	if len(nodes) == 0 {
		return Node{}, fmt.Errorf("the network %s has no nodes: scale it up with kubectl scale %s %s --replicas=1", r.Network, short, r.Network)
	}
	match := func(Node) bool { return false }
	switch len(r.parts) {
	case 0:
		return nodes[0], nil
	case 1:
		ordinal, err := strconv.Atoi(r.parts[0])
		match = func(n Node) bool { return n.Pod == r.parts[0] || err == nil && n.Ordinal == ordinal }
	case 2:
		index, err := strconv.Atoi(r.parts[1])
		match = func(n Node) bool {
			return n.Pod == r.parts[0]+"/"+r.parts[1] || err == nil && n.Group == r.parts[0] && n.Group != "" && n.Index == index
		}
	}
	if i := slices.IndexFunc(nodes, match); i >= 0 {
		return nodes[i], nil
	}
	return Node{}, invalid.Errorf("the network %s has no node %s: its nodes are 0 to %d, and %s to %s by their pods", r.Network,
		strings.Join(r.parts, "/"), len(nodes)-1, nodes[0].Pod, nodes[len(nodes)-1].Pod)
}

// Complete are the references that begin with a prefix: the networks, and after a slash the nodes by ordinal.
func Complete(networks []v1.BitcoinNetwork, prefix string, withNodes bool) []string {
	names := map[string][]Node{}
	for i := range networks {
		names[networks[i].Name] = Nodes(&networks[i])
	}
	return complete(names, prefix, withNodes)
}

func complete(networks map[string][]Node, prefix string, withNodes bool) []string {
	name, _, inside := strings.Cut(prefix, "/")
	var found []string
	for network, nodes := range networks {
		if !inside {
			if strings.HasPrefix(network, prefix) {
				found = append(found, network)
			}
			continue
		}
		if network != name || !withNodes {
			continue
		}
		for _, node := range nodes {
			if text := fmt.Sprintf("%s/%d", name, node.Ordinal); strings.HasPrefix(text, prefix) {
				found = append(found, text+"\t"+node.Pod)
			} else if text := name + "/" + node.Pod; strings.HasPrefix(text, prefix) {
				found = append(found, text)
			}
		}
	}
	slices.Sort(found)
	return found
}
