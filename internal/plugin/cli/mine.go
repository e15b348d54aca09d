package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// maxBlocks is more than a person mines by purpose: the times of many blocks in quick succession run ahead of the clock, and nodes accept
// two hours.
const maxBlocks = 40_000

type mine struct {
	*session
	result
	to      string
	wait    bool
	timeout time.Duration
}

func mineCommand(s *session) *cobra.Command {
	m := &mine{session: s}
	command := &cobra.Command{
		Use:   "mine NAME[/NODE] N",
		Short: "Mine blocks on a node",
		Long: "Mine N blocks on a node, by default node 0. The rewards go to the wallet faucet of the node, which kubectl btcnet fund pays from, or to\n" +
			"the address of --to, which needs no wallet. The command returns when all ready nodes on the same side of a partition have the blocks.",
		Example:           "  kubectl btcnet mine my-network 101\n  kubectl btcnet mine my-network/2 1 --to bcrt1q…",
		Args:              arguments(2, 2),
		ValidArgsFunction: s.completeFirst(true),
		RunE:              func(command *cobra.Command, args []string) error { return m.run(command.Context(), args[0], args[1]) },
	}
	m.addFlag(command)
	command.Flags().StringVar(&m.to, "to", "", "Address of the rewards. Default: the wallet faucet of the node.")
	addWait(command, &m.wait, &m.timeout, "Wait until the other nodes have the blocks.")
	return command
}

// addWait adds the flags of commands that wait.
func addWait(command *cobra.Command, wait *bool, timeout *time.Duration, usage string) {
	command.Flags().BoolVar(wait, "wait", true, usage)
	command.Flags().DurationVar(timeout, "timeout", 2*time.Minute, "How long to wait.")
}

// mined is the result of mine.
type mined struct {
	Node    int    `json:"node"`
	Pod     string `json:"pod"`
	Blocks  int64  `json:"blocks"`
	Address string `json:"address"`
	faucet.Tip
}

func (m *mine) run(ctx context.Context, name, number string) error {
	blocks, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil || blocks < 1 || blocks > maxBlocks:
		return invalid.Errorf("%q is not a number of blocks: write one from 1 to %d", number, maxBlocks)
	case m.to != "":
		err = faucet.CheckAddress(m.to)
	}
	if err == nil {
		err = m.validate()
	}
	if err != nil {
		return err
	}
	t, err := m.target(ctx, name)
	if err != nil {
		return err
	}
	address := m.to
	if address == "" {
		if address, err = t.faucet().Address(ctx); err != nil {
			return err
		}
	}
	tip, err := faucet.Mine(ctx, t.Client, t.node.Pod, blocks, address)
	if err != nil {
		return err
	}
	if err := m.print(m.session, mined{t.node.Ordinal, t.node.Pod, blocks, address, tip},
		fmt.Sprintf("%s mined %s: height %d, best block %s", t.node.Pod, count(blocks, "block"), tip.Height, tip.Hash)); err != nil {
		return err
	}
	return t.awaitBlock(ctx, tip, m.wait, m.timeout)
}

// awaitBlock waits until the nodes on the side of the target have a block.
func (t *target) awaitBlock(ctx context.Context, tip faucet.Tip, wait bool, limit time.Duration) error {
	if !wait {
		return nil
	}
	return faucet.AwaitMined(ctx, t.Client, t.node, t.side(), tip, limit)
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
