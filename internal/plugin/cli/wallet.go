package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

func walletCommand(s *session) *cobra.Command {
	var r result
	command := &cobra.Command{
		Use:   "wallet NAME[/NODE]",
		Short: "Show the faucet wallet of a node, with a fresh address",
		Long: "Show the wallet faucet of a node, by default node 0: its coins, and an address that was never used. The wallet is created if necessary. Its\n" +
			"keys follow from the UID of the network and the ordinal of the node: when a pod without storage is replaced, the wallet has its coins again\n" +
			"as soon as a command uses it. Such keys are no secret, so never pay coins to it that have a value.",
		Example:           "  kubectl btcnet wallet my-network\n  kubectl btcnet cli my-network -rpcwallet=faucet listtransactions",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			if err := r.validate(); err != nil {
				return err
			}
			return s.wallet(command.Context(), args[0], &r)
		},
	}
	r.addFlag(command)
	return command
}

// shown is the result of wallet.
type shown struct {
	Wallet  string `json:"wallet"`
	Node    int    `json:"node"`
	Pod     string `json:"pod"`
	Address string `json:"address"`
	faucet.Balances
}

func (s *session) wallet(ctx context.Context, name string, r *result) error {
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	f := t.faucet()
	if _, err := f.Address(ctx); err != nil {
		return err
	}
	address, err := f.NewAddress(ctx, "")
	if err != nil {
		return err
	}
	has, err := f.Balances(ctx)
	if err != nil {
		return err
	}
	return r.print(s, shown{faucet.Wallet, t.node.Ordinal, t.node.Pod, address, has},
		fmt.Sprintf("wallet %s of %s: %s BTC, %s pending, %s immature; new address %s", faucet.Wallet, t.node.Pod, has.Trusted, has.Pending, has.Immature, address))
}
