package cli

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

const cliExample = `  kubectl btcnet cli my-network getblockchaininfo
  kubectl btcnet cli my-network/2 -rpcwallet=faucet getbalances
  kubectl btcnet cli my-network --all getblockcount`

func cliCommand(s *session) *cobra.Command {
	var all bool
	command := &cobra.Command{
		Use:   "cli [--all] NAME[/NODE] METHOD [ARGUMENT...]",
		Short: "Call bitcoin-cli on a node, or on all nodes",
		Long: "Call bitcoin-cli on a node, by default node 0. Everything after the node is passed on as it is, options of bitcoin-cli too, so the options\n" +
			"of kubectl have to be before it. The exit code is that of bitcoin-cli. With --all, before or after NAME, the output is a JSON list with\n" +
			"the answer of each node.",
		Example:           cliExample,
		Args:              arguments(2, -1),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			name, call := args[0], args[1:]
			if call[0] == "--all" {
				all, call = true, call[1:]
			}
			if len(call) == 0 {
				return invalid.Errorf("no method is named: write one, such as getblockchaininfo")
			}
			if err := notOurs(call, "bitcoin-cli"); err != nil {
				return err
			}
			if all {
				return s.callAll(command.Context(), name, call)
			}
			return s.call(command.Context(), name, call)
		},
	}
	command.Flags().BoolVar(&all, "all", false, "Call all nodes of the network.")
	command.Flags().SetInterspersed(false)
	return command
}

// notOurs rejects options of kubectl where the program of the node would get them.
func notOurs(call []string, program string) error {
	for _, option := range []string{"-n", "--namespace", "--context", "--kubeconfig"} {
		if call[0] == option || strings.HasPrefix(call[0], option+"=") {
			return invalid.Errorf("%s is passed to %s where it is: write it before the name of the network", option, program)
		}
	}
	return nil
}

// call passes the input on only if bitcoin-cli reads it.
func (s *session) call(ctx context.Context, name string, call []string) error {
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	in := s.streams.In
	if !readsInput(call) {
		in = nil
	}
	return t.Stream(ctx, t.node.Pod, call, in, s.streams.Out, s.streams.ErrOut)
}

func readsInput(call []string) bool {
	for _, argument := range call {
		if !strings.HasPrefix(argument, "-") {
			return false
		}
		if strings.HasPrefix(strings.TrimLeft(argument, "-"), "stdin") {
			return true
		}
	}
	return false
}

// answer is one entry of the output of --all.
type answer struct {
	Node   int             `json:"node"`
	Pod    string          `json:"pod"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func (s *session) callAll(ctx context.Context, name string, call []string) error {
	if err := wholeNetwork(name); err != nil {
		return err
	}
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	return s.printAll(ctx, noderef.Nodes(t.network), func(ctx context.Context, pod string) (string, error) { return t.CLI(ctx, pod, call...) })
}

// wholeNetwork rejects a name that is one of a node, without a call of the cluster.
func wholeNetwork(name string) error {
	ref, err := noderef.Parse(name)
	if err == nil && ref.Names() {
		return invalid.Errorf("--all and the node %s exclude each other: write %s, or leave --all out", name, ref.Network)
	}
	return err
}

// printAll calls all nodes, and prints their answers as a JSON list.
func (s *session) printAll(ctx context.Context, nodes []noderef.Node, call func(ctx context.Context, pod string) (string, error)) error {
	answers := make([]answer, len(nodes))
	var mu sync.Mutex
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		text, err := call(ctx, node.Pod)
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

// maxNumber is longer than any number of bitcoind: a longer one is a hash without a letter.
const maxNumber = 20

// asJSON is the text itself if it is JSON, and a JSON string otherwise: bitcoin-cli prints a hash without quotes.
func asJSON(text string) (json.RawMessage, error) {
	isNumber := text != "" && strings.Trim(text[:1], "-0123456789") == ""
	if json.Valid([]byte(text)) && !(isNumber && len(text) > maxNumber) {
		return json.RawMessage(text), nil
	}
	return json.Marshal(text)
}
