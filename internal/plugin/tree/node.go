package tree

import (
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func (d *drawing) nodesOf(ordinals []int) []Item {
	var items []Item
	for _, node := range d.nodes {
		if slices.Contains(ordinals, node.Ordinal) {
			items = append(items, Item{Text: d.node(node)})
		}
	}
	return items
}

func (d *drawing) node(node noderef.Node) string {
	parts := []string{fmt.Sprintf("%*d  %-*s", len(fmt.Sprint(len(d.nodes)-1)), node.Ordinal, d.width, node.Pod)}
	status, known := d.status[node.Ordinal]
	switch {
	case !known || !status.Ready:
		parts = append(parts, "not ready")
	default:
		parts = append(parts, fmt.Sprintf("block %d %s", status.Blocks, shortHash(status.BestBlockHash)), status.Version)
	}
	if mining := d.network.Spec.Mining; mining != nil && mining.Node != nil && int(*mining.Node) == node.Ordinal {
		parts = append(parts, "mines")
	}
	return strings.Join(append(parts, d.connections(node.Ordinal)...), "  ")
}

// connections are the neighbours of a node: those that it has and should have, those that are missing, and those that should not be.
func (d *drawing) connections(ordinal int) []string {
	wanted, existing := neighbours(d.desired, ordinal), neighbours(d.existing, ordinal)
	if d.asked == nil {
		return list("should be connected with", wanted)
	}
	if _, answered := d.asked[ordinal]; !answered {
		return []string{"does not report its connections"}
	}
	has := func(set []int, in bool) func(int) bool {
		return func(n int) bool { return slices.Contains(set, n) != in }
	}
	parts := list("connected with", slices.DeleteFunc(slices.Clone(existing), has(wanted, true)))
	parts = append(parts, list("not with", slices.DeleteFunc(slices.Clone(wanted), has(existing, false)))...)
	return append(parts, list("still with", slices.DeleteFunc(slices.Clone(existing), has(wanted, false)))...)
}

func list(what string, ordinals []int) []string {
	if len(ordinals) == 0 {
		return nil
	}
	return []string{what + " " + noderef.Ranges(ordinals)}
}

func neighbours(edges []topology.Edge, ordinal int) []int {
	var list []int
	for _, e := range edges {
		switch ordinal {
		case e.A:
			list = append(list, e.B)
		case e.B:
			list = append(list, e.A)
		}
	}
	return list
}

// foreign are the peers that are no nodes of the network.
func (d *drawing) foreign() []Item {
	var items []Item
	for _, peer := range d.network.Status.ForeignPeers {
		var nodes []int
		for _, n := range peer.Nodes {
			nodes = append(nodes, int(n))
		}
		items = append(items, Item{Text: fmt.Sprintf("peer from outside: %s %s, of nodes %s", peer.Address, peer.Version, noderef.Ranges(nodes))})
	}
	return items
}
