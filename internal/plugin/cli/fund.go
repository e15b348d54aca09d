package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

type fund struct {
	*session
	result
	confirm bool
	wait    bool
	timeout time.Duration
}

func fundCommand(s *session) *cobra.Command {
	f := &fund{session: s}
	command := &cobra.Command{
		Use:   "fund NAME[/NODE] ADDRESS AMOUNT",
		Short: "Pay coins to an address, with as many blocks as that needs",
		Long: "Pay AMOUNT to ADDRESS from the wallet faucet of a node, by default node 0. If the wallet has not enough, blocks are mined until it has:\n" +
			"101 on a new network. AMOUNT is in bitcoins, such as 0.5, or in satoshis, such as 1000sat, and is exact. A block with the payment is mined,\n" +
			"and the command returns when all ready nodes on the same side of a partition have it.",
		Example:           "  kubectl btcnet fund my-network bcrt1q… 10\n  kubectl btcnet fund my-network/2 bcrt1q… 150000sat --confirm=false",
		Args:              arguments(3, 3),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			return f.run(command.Context(), args[0], args[1], args[2])
		},
	}
	f.addFlag(command)
	command.Flags().BoolVar(&f.confirm, "confirm", true, "Mine a block with the payment. Otherwise it stays in the mempool.")
	addWait(command, &f.wait, &f.timeout, "Wait until the other nodes have the block.")
	return command
}

func (f *fund) run(ctx context.Context, name, address, text string) error {
	value, err := amount.Parse(text)
	if err == nil {
		err = faucet.CheckAddress(address)
	}
	if err == nil {
		err = f.validate()
	}
	if err != nil {
		return err
	}
	t, err := f.target(ctx, name)
	if err != nil {
		return err
	}
	from := t.faucet()
	payment, err := from.Pay(ctx, address, value)
	if err != nil {
		return err
	}
	confirms := "kubectl btcnet mine " + name + " 1 confirms it"
	if !f.confirm {
		return f.print(f.session, payment, fmt.Sprintf("sent %s BTC to %s in transaction %s, which is in the mempool: %s", value, address, payment.TxID, confirms))
	}
	if err := from.Confirm(ctx, payment); err != nil {
		return fmt.Errorf("transaction %s is sent, and not confirmed: %s (%w)", payment.TxID, confirms, err)
	}
	var unsettled error
	if f.wait {
		unsettled = from.Arrive(ctx, payment, t.side(), f.timeout) // may find the payment in another block
	}
	if payment.Block == nil {
		return fmt.Errorf("transaction %s is sent, and is in no block any more: %s (%w)", payment.TxID, confirms, unsettled)
	}
	if err := f.print(f.session, payment, fmt.Sprintf("sent %s BTC to %s in transaction %s, confirmed by block %d %s",
		value, address, payment.TxID, payment.Block.Height, payment.Block.Hash)); err != nil {
		return err
	}
	return unsettled
}
