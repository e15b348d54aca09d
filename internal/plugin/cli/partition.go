package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func partitionCommand(s *session) *cobra.Command {
	var wait bool
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "partition NAME NODES...",
		Short: "Cut a network into sides without connections between them",
		Long: "Set spec.partitions of a network: each argument has the ordinals of one side, such as 0,1 or 0-4, and the nodes in none are one more side. The\n" +
			"command returns when bitcoind on all ready nodes reports no connection between the sides.",
		Example:           "  kubectl btcnet partition my-network 0,1 2,3\n  kubectl btcnet partition my-network 0",
		Args:              arguments(2, -1),
		ValidArgsFunction: s.completeFirst(false),
		RunE: func(command *cobra.Command, args []string) error {
			return s.partition(command.Context(), args[0], args[1:], wait, timeout)
		},
	}
	addWait(command, &wait, &timeout, "Wait until bitcoind reports no connection between the sides.")
	return command
}

func (s *session) partition(ctx context.Context, name string, sides []string, wait bool, timeout time.Duration) error {
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	sets, err := noderef.Sets(sides, len(noderef.Nodes(t.network)))
	if err != nil {
		return err
	}
	if err := chain.Partition(ctx, t.Client, name, sets); err != nil {
		return err
	}
	if wait {
		if err := chain.AwaitConnections(ctx, t.Client, name, "the partition of "+name, timeout); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.streams.Out, "%s is partitioned: %s; kubectl btcnet heal %s connects them again\n", name, described(sets, len(noderef.Nodes(t.network))), name)
	return err
}

// described are the sides, those of the nodes in no set included.
func described(sets [][]int32, nodes int) string {
	var sides []string
	named := 0
	for _, set := range sets {
		ordinals := make([]int, len(set))
		for i, n := range set {
			ordinals[i] = int(n)
		}
		sides = append(sides, "nodes "+noderef.Ranges(ordinals))
		named += len(set)
	}
	if named < nodes {
		sides = append(sides, "the others")
	}
	return strings.Join(sides, " | ")
}

func healCommand(s *session) *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "heal NAME",
		Short: "Connect the sides of a partition, and nodes that were cut from the network",
		Long: "Remove spec.partitions of a network, and connect nodes whose connections were switched off (setnetworkactive). The command returns when\n" +
			"bitcoind on all ready nodes reports the connections of the topology and one best block, or branches of the same height.",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(false),
		RunE:              func(command *cobra.Command, args []string) error { return s.heal(command.Context(), args[0], timeout) },
	}
	command.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "How long to wait.")
	return command
}

func (s *session) heal(ctx context.Context, name string, timeout time.Duration) error {
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	forked, err := chain.Heal(ctx, t.Client, t.network, timeout)
	if err != nil {
		return err
	}
	end := "all nodes have one best block"
	if forked {
		end = "the branches have the same height: kubectl btcnet mine " + name + " 1 decides which one wins"
	}
	_, err = fmt.Fprintf(s.streams.Out, "%s is connected; %s\n", name, end)
	return err
}
