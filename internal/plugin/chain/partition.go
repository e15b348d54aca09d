package chain

import (
	"context"
	"encoding/json"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Partition cuts a network into sides; the nodes in none are one more. It changes no other field of the spec, and does not wait.
func Partition(ctx context.Context, c *cluster.Client, name string, sides [][]int32) error {
	var partitions []v1.Partition
	for _, side := range sides {
		partitions = append(partitions, v1.Partition{Nodes: side})
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"partitions": partitions}})
	if err != nil {
		return err
	}
	_, err = c.Patch(ctx, name, patch)
	return err
}

// AwaitConnections waits until bitcoind on all ready nodes reports the connections of the spec and no others.
func AwaitConnections(ctx context.Context, c *cluster.Client, name, what string, limit time.Duration) error {
	return c.Wait(ctx, limit, what, func(ctx context.Context) (string, error) { return Connections(ctx, c, name) })
}

// Heal connects the sides of a partition, and nodes that were cut from the network, and waits until all nodes have one best block, or branches
// of the same height, of which none wins before the next block: then it returns true.
func Heal(ctx context.Context, c *cluster.Client, network *v1.BitcoinNetwork, limit time.Duration) (forked bool, err error) {
	nodes := Ready(network)
	for _, err := range cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		return Activate(ctx, c, node.Pod)
	}) {
		return false, err
	}
	if len(network.Spec.Partitions) > 0 {
		if err := Partition(ctx, c, network.Name, nil); err != nil {
			return false, err
		}
	}
	if err := AwaitConnections(ctx, c, network.Name, "the connection of all nodes", limit); err != nil {
		return false, err
	}
	err = c.Wait(ctx, limit, "one best block of all nodes", func(ctx context.Context) (missing string, err error) {
		missing, forked, err = Settled(ctx, c, nodes)
		return missing, err
	})
	return forked, err
}

// Side are the ready nodes that can get the blocks of a node, without that node.
func Side(network *v1.BitcoinNetwork, of noderef.Node) []noderef.Node {
	sides := map[int]int{}
	for i, partition := range network.Spec.Partitions {
		for _, n := range partition.Nodes {
			sides[int(n)] = i + 1
		}
	}
	var side []noderef.Node
	for _, node := range Ready(network) {
		if node != of && sides[node.Ordinal] == sides[of.Ordinal] {
			side = append(side, node)
		}
	}
	return side
}
