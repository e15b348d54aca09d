package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

type reorg struct {
	*session
	result
	depth   int64
	to      string
	empty   bool
	timeout time.Duration
}

func reorgCommand(s *session) *cobra.Command {
	r := &reorg{session: s}
	command := &cobra.Command{
		Use:   "reorg NAME[/NODE] --depth N",
		Short: "Replace the last N blocks of the chain on all nodes",
		Long: "Mine a branch on a node, by default node 0, that is one block longer than the last N blocks: all nodes disconnect these, and connect N+1 others.\n" +
			"Transactions of the old blocks return to the mempool and are mined again, unless --empty is set. The command returns when all ready nodes on\n" +
			"the same side of a partition have the new branch. When it is interrupted, the chain stays as it was.",
		Example:           "  kubectl btcnet reorg my-network --depth 3\n  kubectl btcnet reorg my-network --depth 1 --empty",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(true),
		RunE:              func(command *cobra.Command, args []string) error { return r.run(command.Context(), args[0]) },
	}
	r.addFlag(command)
	flags := command.Flags()
	flags.Int64Var(&r.depth, "depth", 1, "Number of blocks that are disconnected.")
	flags.BoolVar(&r.empty, "empty", false, "Mine blocks without transactions: those of the old blocks stay in the mempool.")
	flags.StringVar(&r.to, "to", "", "Address of the rewards. Default: a fresh one of the wallet faucet of the node.")
	flags.DurationVar(&r.timeout, "timeout", 2*time.Minute, "How long to wait for the other nodes.")
	return command
}

// maxDepth is more than a node without old blocks can undo.
const maxDepth = 1000

func (r *reorg) run(ctx context.Context, name string) error {
	err := r.validate()
	switch {
	case err != nil:
	case r.depth < 1 || r.depth > maxDepth:
		err = invalid.Errorf("--depth %d is not from 1 to %d: write the number of blocks to replace", r.depth, maxDepth)
	case r.to != "":
		err = faucet.CheckAddress(r.to)
	}
	if err != nil {
		return err
	}
	t, err := r.target(ctx, name)
	if err != nil {
		return err
	}
	address := r.to
	if address == "" {
		// A block for the same address in the same second as an old one would be that block, which is invalid now.
		if _, err := t.faucet().Address(ctx); err != nil {
			return err
		}
		if address, err = t.faucet().NewAddress(ctx, "reorg"); err != nil {
			return err
		}
	}
	run := chain.Reorg{Cluster: t.Client, Node: t.node, Others: t.side(), Depth: r.depth, Address: address, Empty: r.empty, Limit: r.timeout}
	done, err := run.Run(ctx)
	if err != nil {
		return err
	}
	return r.print(r.session, done, fmt.Sprintf("%s replaced %s above block %d: the best block was %d %s, and is %d %s",
		t.network.Name, count(done.Depth, "block"), done.Fork, done.From.Height, done.From.Hash, done.To.Height, done.To.Hash))
}
