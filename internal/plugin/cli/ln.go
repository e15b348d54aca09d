package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/lnd"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func lnCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use:   "ln",
		Short: "Live with Lightning networks: payments, channels, balances, the graph",
		Long: "Create LightningNetworks and live with them: call their LND nodes, pay, and show what they report. A node is NAME/2 by its ordinal, or\n" +
			"NAME/POD. Amounts are satoshis. The commands call lncli in the pods, and need no right on Secrets.",
		Args: noSuchCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(
		lnCLICommand(s), lnPayCommand(s), lnInvoiceCommand(s), lnBalancesCommand(s), lnChannelsCommand(s), lnGraphCommand(s), lnConnectCommand(s),
		lnCreateCommand(s),
	)
	return command
}

// lnTarget is a node of a LightningNetwork, with the network and the client.
type lnTarget struct {
	*cluster.Client
	lnd.Nodes
	node noderef.Node
	// named is whether the argument names the node, not only the network.
	named bool
}

// lnTarget finds the node that an argument names, node 0 if it names none.
func (s *session) lnTarget(ctx context.Context, argument string) (*lnTarget, error) {
	ref, client, err := s.reach(argument)
	if err != nil {
		return nil, err
	}
	network, err := client.GetLightning(ctx, ref.Network)
	if err != nil {
		return nil, err
	}
	node, err := ref.LightningNode(network)
	return &lnTarget{client, lnd.Nodes{Cluster: client, Network: network}, node, ref.Names()}, err
}

// completeLightning completes the first argument of a command: LightningNetworks, and their nodes if it takes one.
func (s *session) completeLightning(withNodes bool) cobra.CompletionFunc {
	return s.completeName(withNodes, func(ctx context.Context, client *cluster.Client, prefix string) ([]string, error) {
		networks, err := client.ListLightning(ctx, false)
		return noderef.CompleteLightning(networks, prefix, withNodes), err
	})
}

// firstError is that of the first node that gave no answer.
func firstError(nodes []noderef.Node, failed map[int]error) error {
	for _, node := range nodes {
		if err := failed[node.Ordinal]; err != nil {
			return err
		}
	}
	return nil
}
