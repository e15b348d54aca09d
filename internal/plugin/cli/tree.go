package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/tree"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func treeCommand(s *session) *cobra.Command {
	var everywhere bool
	command := &cobra.Command{
		Use:   "tree [NAME]",
		Short: "Show the nodes of a network, their connections, tips and miners",
		Long: "Show the nodes of a network with the connections and best blocks that bitcoind reports, the branches that they are on, who mines, and the\n" +
			"sides of a partition, and the Lightning networks on it. Without NAME, show all networks of the namespace.",
		Args:              arguments(0, 1),
		ValidArgsFunction: s.completeFirst(false),
		RunE: func(command *cobra.Command, args []string) error {
			if everywhere && len(args) > 0 {
				return invalid.Errorf("--all-namespaces and a name exclude each other: leave one of them out")
			}
			return s.tree(command.Context(), args, everywhere)
		},
	}
	command.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "Show the networks of all namespaces.")
	return command
}

func (s *session) tree(ctx context.Context, args []string, everywhere bool) error {
	client, err := s.connect()
	if err != nil {
		return err
	}
	networks, err := some(ctx, client, args, everywhere)
	if err != nil {
		return err
	}
	if len(networks) == 0 {
		s.note("No networks found: kubectl btcnet create NAME creates one.")
	}
	lightning := s.lightning(ctx, client, networks, everywhere)
	for i := range networks {
		here := *client
		here.Namespace = networks[i].Namespace
		peers := s.peers(ctx, &here, &networks[i])
		if peers != nil {
			refresh(ctx, &here, &networks[i])
		}
		item := tree.Network(&networks[i], peers).WithLightning(&networks[i], lightning)
		if everywhere {
			item.Text = networks[i].Namespace + "/" + item.Text
		}
		if _, err := fmt.Fprint(s.streams.Out, item.String()); err != nil {
			return err
		}
	}
	return nil
}

// lightning are the LightningNetworks, if there are some for the caller: the tree is that of a BitcoinNetwork, and complete without them.
func (s *session) lightning(ctx context.Context, client *cluster.Client, networks []v1.BitcoinNetwork, everywhere bool) []v1.LightningNetwork {
	if len(networks) == 0 {
		return nil
	}
	list, err := client.ListLightning(ctx, everywhere)
	_, lacks := errors.AsType[*cluster.MissingRight](err)
	if err != nil && !lacks && !errors.Is(err, cluster.ErrNoLightning) {
		s.note("The Lightning networks are missing: %s", err.Error())
	}
	return list
}

// some are the named network, or all.
func some(ctx context.Context, client *cluster.Client, args []string, everywhere bool) ([]v1.BitcoinNetwork, error) {
	if len(args) == 0 {
		return client.List(ctx, everywhere)
	}
	network, err := client.Get(ctx, args[0])
	if err != nil {
		return nil, err
	}
	return []v1.BitcoinNetwork{*network}, nil
}

// peers are the connections that the ready nodes report; nil without the right to call them.
func (s *session) peers(ctx context.Context, client *cluster.Client, network *v1.BitcoinNetwork) map[int][]topology.Peer {
	nodes := chain.Ready(network)
	peers, failed := client.Peers(ctx, nodes)
	for _, err := range failed {
		if right, missing := errors.AsType[*cluster.MissingRight](err); missing {
			s.note("The connections are those that the topology specifies: %s", right.Error())
			return nil
		}
	}
	for _, node := range nodes {
		if err := failed[node.Ordinal]; err != nil {
			s.note("%s", err.Error())
		}
	}
	return peers
}

// refresh replaces the best blocks in the status by those that the nodes report now: the operator calls them at an interval.
func refresh(ctx context.Context, client *cluster.Client, network *v1.BitcoinNetwork) {
	tips := map[int32]faucet.Tip{}
	var mu sync.Mutex
	cluster.Each(ctx, chain.Ready(network), func(ctx context.Context, node noderef.Node) error {
		tip, err := faucet.BestTip(ctx, client, node.Pod)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			tips[int32(node.Ordinal)] = tip //nolint:gosec // at most 500
		}
		return err
	})
	for i := range network.Status.Nodes {
		status := &network.Status.Nodes[i]
		if tip, known := tips[status.Ordinal]; known {
			status.Blocks, status.BestBlockHash = tip.Height, tip.Hash
			network.Status.Height = max(network.Status.Height, tip.Height)
		}
	}
}
