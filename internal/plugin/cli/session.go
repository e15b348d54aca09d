package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

// session is what the commands share.
type session struct {
	streams genericiooptions.IOStreams
	// connect returns the client of the cluster and namespace that the flags name.
	connect func() (*cluster.Client, error)
	// open opens an address in the user's browser.
	open func(address string) error
}

// pollInterval is the time between two checks of what a command waits for.
const pollInterval = 300 * time.Millisecond

func connect(flags *genericclioptions.ConfigFlags) (*cluster.Client, error) {
	loader := flags.ToRawKubeConfigLoader()
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, err
	}
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster is configured: set KUBECONFIG, or use --kubeconfig or --context (%w)", err)
	}
	config.QPS, config.Burst = 50, 100 // a network has up to 500 nodes
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	networks, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dialer, err := tunnel.NewDialer(config)
	if err != nil {
		return nil, err
	}
	client := &cluster.Client{Namespace: namespace, Networks: networks, Core: core, Forward: dialer.DialContext, Poll: pollInterval}
	client.Pods, client.Lightning = cluster.NewExecutors(config, core)
	return client, nil
}

// target is a node, with its network and the client.
type target struct {
	*cluster.Client
	network *v1.BitcoinNetwork
	node    noderef.Node
}

// reach reads an argument that names a network or a node, and connects.
func (s *session) reach(argument string) (noderef.Ref, *cluster.Client, error) {
	ref, err := noderef.Parse(argument)
	if err != nil {
		return ref, nil, err
	}
	client, err := s.connect()
	return ref, client, err
}

// target finds the node that an argument names, node 0 if it names none.
func (s *session) target(ctx context.Context, argument string) (*target, error) {
	ref, client, err := s.reach(argument)
	if err != nil {
		return nil, err
	}
	network, err := client.Get(ctx, ref.Network)
	if err != nil {
		return nil, err
	}
	node, err := ref.Node(network)
	return &target{client, network, node}, err
}

func (t *target) faucet() *faucet.Faucet {
	return &faucet.Faucet{Cluster: t.Client, UID: string(t.network.UID), Node: t.node}
}

// side are the ready nodes that can get the blocks of the target, without the target.
func (t *target) side() []noderef.Node { return chain.Side(t.network, t.node) }

// note prints what a command does, beside its result.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.streams.ErrOut, format+"\n", args...)
}

// result is what a command prints: a sentence or a table, or the same as JSON or YAML.
type result struct{ format string }

func (r *result) addFlag(command *cobra.Command) {
	command.Flags().StringVarP(&r.format, "output", "o", "", "Output format: json or yaml, or text for people when it is empty.")
	words := cobra.FixedCompletions([]string{"json", "yaml"}, cobra.ShellCompDirectiveNoFileComp)
	if err := command.RegisterFlagCompletionFunc("output", words); err != nil {
		panic(err) // the flag exists
	}
}

func (r *result) validate() error {
	if r.format != "" && r.format != "json" && r.format != "yaml" {
		return invalid.Errorf("--output %q does not exist: use json or yaml, or leave it out", r.format)
	}
	return nil
}

func (r *result) print(s *session, value any, sentence string) error {
	if r.format == "" {
		_, err := fmt.Fprintln(s.streams.Out, sentence)
		return err
	}
	if r.format == "yaml" {
		text, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = s.streams.Out.Write(text)
		return err
	}
	encoder := json.NewEncoder(s.streams.Out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// completeTimeout is how long the shell waits for names.
const completeTimeout = 3 * time.Second

// completeFirst completes the first argument of a command: networks, and their nodes if it takes one.
func (s *session) completeFirst(withNodes bool) cobra.CompletionFunc {
	return s.completeName(withNodes, func(ctx context.Context, client *cluster.Client, prefix string) ([]string, error) {
		networks, err := client.List(ctx, false)
		return noderef.Complete(networks, prefix, withNodes), err
	})
}

// completeName completes the first argument of a command with what a function finds.
func (s *session) completeName(withNodes bool, find func(context.Context, *cluster.Client, string) ([]string, error)) cobra.CompletionFunc {
	return func(command *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(command.Context(), completeTimeout)
		defer cancel()
		client, err := s.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := find(ctx, client, prefix)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if withNodes {
			directive |= cobra.ShellCompDirectiveNoSpace // a node may follow
		}
		return found, directive
	}
}

func (s *session) completeNamespaces(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(command.Context(), completeTimeout)
	defer cancel()
	var names []string
	if client, err := s.connect(); err == nil {
		if list, err := client.Core.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err == nil {
			for _, namespace := range list.Items {
				names = append(names, namespace.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
