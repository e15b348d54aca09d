// Package chain does to a network what the world can do to a program that uses it: partitions, reorganisations, lost and paused nodes.
// Each function returns when bitcoind itself confirms the effect.
package chain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/tree"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Ready are the nodes of a network that answered when the operator last called them.
func Ready(network *v1.BitcoinNetwork) []noderef.Node {
	ready := map[int]bool{}
	for _, status := range network.Status.Nodes {
		ready[int(status.Ordinal)] = status.Ready
	}
	return slices.DeleteFunc(noderef.Nodes(network), func(n noderef.Node) bool { return !ready[n.Ordinal] })
}

// Connections returns what is missing until the nodes have the connections of the current spec and no others, as bitcoind reports them;
// "" when nothing is. The nodes are called only when the operator has no more to do, because each call costs the cluster a process.
func Connections(ctx context.Context, c *cluster.Client, name string) (missing string, err error) {
	network, err := c.Get(ctx, name)
	if err != nil {
		return "", err
	}
	ready := Ready(network)
	connected := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionConnected)
	switch {
	case connected == nil || connected.ObservedGeneration < network.Generation:
		return "the operator has not reconciled the change yet", nil
	case len(ready) == len(noderef.Nodes(network)) && connected.Status != metav1.ConditionTrue:
		return connected.Message, nil
	}
	peers, failed := c.Peers(ctx, ready)
	for _, err := range failed {
		return "", err
	}
	return compare(network, ready, tree.Observed(network, peers)), nil
}

// compare returns the difference between the desired connections of the ready nodes and those that exist.
func compare(network *v1.BitcoinNetwork, ready []noderef.Node, observed []topology.Node) string {
	isReady := func(ordinal int) bool {
		return slices.ContainsFunc(ready, func(n noderef.Node) bool { return n.Ordinal == ordinal })
	}
	desired := topology.Desired(topology.SpecOf(network.Spec, len(noderef.Nodes(network))))
	_, lacking := topology.Connected(desired, observed)
	lacking = slices.DeleteFunc(lacking, func(e topology.Edge) bool { return !isReady(e.A) || !isReady(e.B) })
	surplus := slices.DeleteFunc(topology.Observe(observed), func(e topology.Edge) bool { return slices.Contains(desired, e) })
	var parts []string
	if len(lacking) > 0 {
		parts = append(parts, "not connected are "+edges(lacking))
	}
	if len(surplus) > 0 {
		parts = append(parts, "still connected are "+edges(surplus))
	}
	return strings.Join(parts, "; ")
}

// maxEdges are enough for a message.
const maxEdges = 5

func edges(list []topology.Edge) string {
	var parts []string
	for _, e := range list[:min(len(list), maxEdges)] {
		parts = append(parts, fmt.Sprintf("nodes %d and %d", e.A, e.B))
	}
	if len(list) > maxEdges {
		parts = append(parts, fmt.Sprintf("%d more pairs", len(list)-maxEdges))
	}
	return strings.Join(parts, ", ")
}
