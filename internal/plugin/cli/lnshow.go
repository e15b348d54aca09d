package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/lightning"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func lnBalancesCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use:   "balances NAME",
		Short: "Show the balances of all nodes, on the chain and in channels",
		Long: "Show the balances of all nodes in satoshis: those of their wallets on the chain, and both sides of their open channels. What channels will\n" +
			"have whose funding transaction waits for a block is in brackets.",
		Example: "  kubectl btcnet ln balances my-lightning\n  kubectl btcnet ln balances my-lightning -o json",
	}
	return s.showAll(command, func(ctx context.Context, t *lnTarget) (any, string, map[int]error) {
		balances, failed := t.Balances(ctx)
		return balances, lightning.BalanceTable(balances), failed
	})
}

func lnChannelsCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use:   "channels NAME",
		Short: "Show the channels of a network, as both ends report them",
		Long: "Show the channels of the spec, whether both ends report them as active, with their balances in satoshis, and then the channels that people\n" +
			"have opened. STATE is that of the network's status.",
		Example: "  kubectl btcnet ln channels my-lightning\n  kubectl btcnet ln channels my-lightning -o yaml",
	}
	return s.showAll(command, func(ctx context.Context, t *lnTarget) (any, string, map[int]error) {
		channels, failed := t.Channels(ctx)
		return channels, lightning.ChannelTable(channels), failed
	})
}

// showAll completes a command that prints what all nodes of a LightningNetwork report, as a value or as a table.
func (s *session) showAll(command *cobra.Command, ask func(context.Context, *lnTarget) (value any, table string, failed map[int]error)) *cobra.Command {
	var r result
	r.addFlag(command)
	command.Args, command.ValidArgsFunction = arguments(1, 1), s.completeLightning(false)
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx := command.Context()
		t, err := s.lnNetwork(ctx, args[0], &r)
		if err != nil {
			return err
		}
		value, table, failed := ask(ctx, t)
		return s.report(ctx, t, failed, func() error { return r.print(s, value, table) })
	}
	return command
}

func lnGraphCommand(s *session) *cobra.Command {
	var r result
	command := &cobra.Command{
		Use:   "graph NAME[/NODE]",
		Short: "Show the graph that the nodes know, or one of them",
		Long: "Show the nodes and channels of the graph, each with the nodes of the network that do not know it yet; with NODE, the graph as this node knows\n" +
			"it. Nodes learn of channels by gossip, and find routes through those only that they know with the policies of both ends.",
		Example:           "  kubectl btcnet ln graph my-lightning\n  kubectl btcnet ln graph my-lightning/2 -o dot | dot -Tsvg >graph.svg",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeLightning(true),
		RunE: func(command *cobra.Command, args []string) error {
			return s.graph(command.Context(), args[0], &r)
		},
	}
	command.Flags().StringVarP(&r.format, "output", "o", "", "Output format: json, yaml or dot, or a tree when it is empty.")
	words := cobra.FixedCompletions([]string{"json", "yaml", "dot"}, cobra.ShellCompDirectiveNoFileComp)
	if err := command.RegisterFlagCompletionFunc("output", words); err != nil {
		panic(err) // the flag exists
	}
	return command
}

func (s *session) graph(ctx context.Context, name string, r *result) error {
	dot := r.format == "dot"
	if dot {
		r.format = ""
	}
	if r.validate() != nil {
		return invalid.Errorf("--output %q does not exist: use json, yaml or dot, or leave it out", r.format)
	}
	t, err := s.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	var chosen []noderef.Node
	if t.named {
		chosen = []noderef.Node{t.node}
	}
	graph, failed := t.Graph(ctx, chosen...)
	text := strings.TrimSuffix(graph.Tree(t.Network).String(), "\n")
	if dot {
		text = graph.DOT(t.Network.Name)
	}
	return s.report(ctx, t, failed, func() error { return r.print(s, graph, text) })
}

// lnNetwork finds the network that an argument names, for a command that is about all nodes.
func (s *session) lnNetwork(ctx context.Context, name string, r *result) (*lnTarget, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	if ref, err := noderef.Parse(name); err == nil && ref.Names() {
		return nil, invalid.Errorf("%s names a node, and the command is about all: write %s", name, ref.Network)
	}
	return s.lnTarget(ctx, name)
}

// report prints what nodes have answered. One that has not is the error of the command. When none has, there is nothing to print.
func (s *session) report(ctx context.Context, t *lnTarget, failed map[int]error, printed func() error) error {
	nodes := noderef.LightningNodes(t.Network)
	err := firstError(nodes, failed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t.named && err != nil || len(failed) == len(nodes) {
		return err
	}
	return both(err, printed())
}
