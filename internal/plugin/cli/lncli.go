package cli

import (
	"context"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

const lnCLIExample = `  kubectl btcnet ln cli my-lightning getinfo
  kubectl btcnet ln cli my-lightning/2 listchannels --active_only
  kubectl btcnet ln cli my-lightning --all getinfo`

func lnCLICommand(s *session) *cobra.Command {
	var everyNode bool
	command := &cobra.Command{
		Use:   "cli [--all] NAME[/NODE] COMMAND [ARGUMENT...]",
		Short: "Call lncli on a node, or on all nodes",
		Long: "Call lncli on a node, by default node 0. Everything after the node is passed on as it is, options of lncli too, so the options of kubectl\n" +
			"have to be before it. The exit code is that of lncli. With --all, before or after NAME, the output is a JSON list with the answer of each\n" +
			"node. The input is passed on to commands that need a confirmation, and with --stdin.",
		Example:           lnCLIExample,
		Args:              arguments(2, -1),
		ValidArgsFunction: s.completeLightning(true),
		RunE: func(command *cobra.Command, args []string) error {
			name, call := args[0], args[1:]
			if call[0] == "--all" {
				everyNode, call = true, call[1:]
			}
			if len(call) == 0 {
				return invalid.Errorf("no command of lncli is named: write one, such as getinfo")
			}
			if err := notOurs(call, "lncli"); err != nil {
				return err
			}
			if everyNode {
				return s.callAllLND(command.Context(), name, call)
			}
			return s.callLND(command.Context(), name, call)
		},
	}
	command.Flags().BoolVar(&everyNode, "all", false, "Call all nodes of the network.")
	command.Flags().SetInterspersed(false)
	return command
}

// callLND passes the input on only if lncli reads it.
func (s *session) callLND(ctx context.Context, name string, call []string) error {
	t, err := s.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	in := s.streams.In
	if !lncliReadsInput(call) {
		in = nil
	}
	return t.StreamLNCLI(ctx, t.node.Pod, call, in, s.streams.Out, s.streams.ErrOut)
}

// lncliReadsInput reports whether a command of lncli needs a confirmation, or has something else to read on its input.
func lncliReadsInput(call []string) bool {
	has := func(words ...string) bool {
		return slices.ContainsFunc(call, func(argument string) bool { return slices.Contains(words, argument) })
	}
	asks := has("payinvoice", "sendpayment", "sendcoins", "closeallchannels", "abandonchannel", "deletepayments") && !has("--force", "-f")
	return asks || has("--stdin", "-")
}

func (s *session) callAllLND(ctx context.Context, name string, call []string) error {
	t, err := s.lnTarget(ctx, name)
	if err == nil && t.named {
		err = invalid.Errorf("--all and the node %s exclude each other: write %s, or leave --all out", name, t.Network.Name)
	}
	if err != nil {
		return err
	}
	nodes := noderef.LightningNodes(t.Network)
	answers := make([]answer, len(nodes))
	var mu sync.Mutex
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		text, err := t.LNCLI(ctx, node.Pod, call...)
		mu.Lock()
		defer mu.Unlock()
		answers[node.Ordinal] = answer{Node: node.Ordinal, Pod: node.Pod}
		if err != nil {
			answers[node.Ordinal].Error = err.Error()
			return err
		}
		answers[node.Ordinal].Result, err = asJSON(text)
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := (&result{"json"}).print(s, answers, ""); err != nil {
		return err
	}
	return firstError(nodes, failed)
}
