// Package tree draws a network as a tree: its nodes, the connections that they report, their branches of the chain, who mines, and the
// sides of a partition. It is pure: the cluster's answers are its input.
package tree

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Item is a line with the lines below it.
type Item struct {
	Text  string
	Below []Item
}

// String draws the tree.
func (i Item) String() string {
	var b strings.Builder
	b.WriteString(terminal.Line(i.Text) + "\n")
	draw(&b, "", i.Below)
	return b.String()
}

func draw(b *strings.Builder, indent string, items []Item) {
	for n, item := range items {
		branch, further := "├── ", "│   "
		if n == len(items)-1 {
			branch, further = "└── ", "    "
		}
		b.WriteString(indent + branch + terminal.Line(item.Text) + "\n")
		draw(b, indent+further, item.Below)
	}
}

// Network draws a network. peers are the connections that each node reports, nil when the nodes were not asked: the tree then has the
// desired connections.
func Network(network *v1.BitcoinNetwork, peers map[int][]topology.Peer) Item {
	d := newDrawing(network, peers)
	root := Item{Text: d.summary()}
	if text := mining(network.Spec.Mining); text != "" {
		root.Below = append(root.Below, Item{Text: text})
	}
	root.Below = append(root.Below, d.tips()...)
	if sides := d.sides(); len(sides) > 1 {
		for i, side := range sides {
			root.Below = append(root.Below, Item{fmt.Sprintf("side %d: nodes %s", i+1, noderef.Ranges(side)), d.nodesOf(side)})
		}
	} else {
		root.Below = append(root.Below, d.nodesOf(sides[0])...)
	}
	return Item{root.Text, append(root.Below, d.foreign()...)}
}

type drawing struct {
	network  *v1.BitcoinNetwork
	nodes    []noderef.Node
	status   map[int]v1.NodeStatus
	asked    map[int][]topology.Peer
	desired  []topology.Edge
	existing []topology.Edge
	width    int
}

func newDrawing(network *v1.BitcoinNetwork, peers map[int][]topology.Peer) *drawing {
	d := &drawing{network: network, nodes: noderef.Nodes(network), status: map[int]v1.NodeStatus{}, asked: peers}
	for _, status := range network.Status.Nodes {
		d.status[int(status.Ordinal)] = status
	}
	d.desired = topology.Desired(topology.SpecOf(network.Spec, len(d.nodes)))
	d.existing = topology.Observe(Observed(network, peers))
	for _, node := range d.nodes {
		d.width = max(d.width, len(node.Pod))
	}
	return d
}

// Observed are the nodes of a network as package topology compares them, with what they report.
func Observed(network *v1.BitcoinNetwork, peers map[int][]topology.Peer) []topology.Node {
	var list []topology.Node
	for _, status := range network.Status.Nodes {
		answer, answered := peers[int(status.Ordinal)]
		list = append(list, topology.Node{
			Ordinal: int(status.Ordinal), Address: status.IP, Port: int(v1.PortInSlot(v1.P2PPort, status.Slot)), Shared: network.Spec.NodesInPod() > 1,
			Answered: answered, Peers: answer,
		})
	}
	return list
}

func (d *drawing) summary() string {
	status := d.network.Status
	kind := v1.TopologyMesh
	if t := d.network.Spec.Topology; t != nil && t.Type != "" {
		kind = t.Type
	}
	state := "Unknown"
	if ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady); ready != nil {
		state = ready.Reason
	}
	connections := fmt.Sprintf("%d of %d connections", status.Connections, len(d.desired))
	if d.asked != nil {
		have, _ := topology.Connected(d.desired, Observed(d.network, d.asked))
		connections = fmt.Sprintf("%d of %d connections", have, len(d.desired))
	}
	return fmt.Sprintf("%s: %s, %d of %d nodes ready, %s with %s, height %d", d.network.Name, state, status.ReadyNodes, len(d.nodes), kind, connections, status.Height)
}

func mining(mining *v1.Mining) string {
	if mining == nil {
		return ""
	}
	text := fmt.Sprintf("mining: a block every %s", v1.DefaultMiningInterval)
	switch {
	case mining.KeepAlive != nil:
		text = fmt.Sprintf("mining: a block when the best one is %s old", short(*mining.KeepAlive))
	case mining.Interval != nil:
		text = "mining: a block every " + short(*mining.Interval)
	}
	if mining.Node != nil {
		return fmt.Sprintf("%s, by node %d", text, *mining.Node)
	}
	return text + ", by all nodes in turn"
}

// short leaves out the zeros at the end of 1h0m0s.
func short(d metav1.Duration) string {
	text := d.Duration.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ends := strings.CutSuffix(text, zero); ends {
			text = rest + zero[:1]
		}
	}
	return text
}

// hashLength is enough of a block's hash to distinguish branches.
const hashLength = 12

func shortHash(hash string) string {
	// The hash of a block begins with zeros on other networks, not on regtest.
	return hash[:min(hashLength, len(hash))]
}

// tips are the best blocks of the ready nodes, the highest first.
func (d *drawing) tips() []Item {
	type tip struct {
		hash   string
		height int64
		nodes  []int
	}
	var tips []*tip
	for _, node := range d.nodes {
		status, known := d.status[node.Ordinal]
		if !known || !status.Ready || status.BestBlockHash == "" {
			continue
		}
		i := slices.IndexFunc(tips, func(t *tip) bool { return t.hash == status.BestBlockHash })
		if i < 0 {
			i = len(tips)
			tips = append(tips, &tip{hash: status.BestBlockHash, height: status.Blocks})
		}
		tips[i].nodes = append(tips[i].nodes, node.Ordinal)
	}
	slices.SortStableFunc(tips, func(a, b *tip) int { return int(b.height - a.height) })
	var items []Item
	for _, t := range tips {
		items = append(items, Item{Text: fmt.Sprintf("tip: block %d %s, of nodes %s", t.height, shortHash(t.hash), noderef.Ranges(t.nodes))})
	}
	return items
}

// sides are the ordinals on each side of the partitions; one side without any.
func (d *drawing) sides() [][]int {
	rest := map[int]bool{}
	for _, node := range d.nodes {
		rest[node.Ordinal] = true
	}
	var sides [][]int
	for _, partition := range d.network.Spec.Partitions {
		var side []int
		for _, n := range partition.Nodes {
			if rest[int(n)] {
				side = append(side, int(n))
				delete(rest, int(n))
			}
		}
		if len(side) > 0 {
			sides = append(sides, side)
		}
	}
	if len(rest) > 0 || len(sides) == 0 {
		var others []int
		for ordinal := range rest {
			others = append(others, ordinal)
		}
		slices.Sort(others)
		sides = append(sides, others)
	}
	return sides
}
