package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func killCommand(s *session) *cobra.Command {
	var wait bool
	var grace int64
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "kill NAME/NODE",
		Short: "Delete the pod of a node, which the cluster replaces",
		Long: "Delete the pod of a node. bitcoind has --grace-period seconds to end, then it is killed. Without spec.storage its chain, wallets and mempool are\n" +
			"lost with the pod, and it gets the chain from the others. The command returns when bitcoind in the new pod answers and has its connections.\n" +
			"With spec.nodesPerPod above 1 the other nodes of the pod stay: bitcoind of the node is stopped through RPC, without --grace-period, and the\n" +
			"supervisor of the pod starts it again with its chain and wallets. Delete the pod with kubectl to lose all of its nodes.",
		Example:           "  kubectl btcnet kill my-network/1",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			return s.kill(command.Context(), args[0], grace, wait, timeout)
		},
	}
	command.Flags().Int64Var(&grace, "grace-period", 1, "Seconds that bitcoind has to end by itself.")
	addWait(command, &wait, &timeout, "Wait until the node is back.")
	return command
}

// named is target for a command that does not choose a node by itself.
func (s *session) named(ctx context.Context, argument string) (*target, error) {
	if ref, err := noderef.Parse(argument); err != nil || !ref.Names() {
		return nil, invalid.Errorf("%q names no node: write one, such as %s/0", argument, argument)
	}
	return s.target(ctx, argument)
}

func (s *session) kill(ctx context.Context, name string, grace int64, wait bool, timeout time.Duration) error {
	if grace < 1 {
		return invalid.Errorf("--grace-period %d is less than 1: with 0, a new pod could start before the old one has ended", grace)
	}
	t, err := s.named(ctx, name)
	if err != nil {
		return err
	}
	if err := chain.Kill(ctx, t.Client, t.network.Name, t.node, grace, wait, timeout); err != nil {
		return err
	}
	end := "a new pod answers and has its connections"
	if !wait {
		end = "a new pod will take its place"
	}
	done := "is deleted"
	if noderef.At(t.node.Pod).Packed {
		done, end = "is stopped", "another process answers and has its connections"
		if !wait {
			end = "the supervisor of its pod will start it again"
		}
	}
	_, err = fmt.Fprintf(s.streams.Out, "%s %s; %s\n", t.node.Pod, done, end)
	return err
}
