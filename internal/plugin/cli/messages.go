package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/messages"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

type messagesOptions struct {
	*session
	duration time.Duration
	types    []string
	result   result
}

func messagesCommand(s *session) *cobra.Command {
	o := &messagesOptions{session: s}
	command := &cobra.Command{
		Use:   "messages NAME NODE NODE",
		Short: "Print the P2P messages between two nodes, live",
		Long: "Print the P2P messages between two nodes in the order in which they were received, with what bitcoind reports of their content, until Ctrl-C. The\n" +
			"command switches the categories " + strings.Join(messages.Categories, ", ") + " of both logs on, and off again at the end unless they were on before.",
		Example: "  kubectl btcnet messages my-network 0 1\n  kubectl btcnet messages my-network 0 1 --duration 1m --type inv,getdata,tx,cmpctblock",
		Args:    arguments(3, 3),
		ValidArgsFunction: func(command *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return s.completeFirst(false)(command, args, prefix)
		},
		RunE: func(command *cobra.Command, args []string) error {
			return o.run(command.Context(), args[0], args[1], args[2])
		},
	}
	flags := command.Flags()
	flags.DurationVar(&o.duration, "duration", 0, "How long to follow, such as 1m. Default: until Ctrl-C.")
	flags.StringSliceVar(&o.types, "type", nil, "Print only messages of this type, such as inv. Can be repeated.")
	flags.StringVarP(&o.result.format, "output", "o", "", "Output format: json, one object a line, or sentences when it is empty.")
	return command
}

func (o *messagesOptions) run(ctx context.Context, name string, a, b string) error {
	// Messages come one by one: a list in YAML has no end.
	if o.result.format != "" && o.result.format != "json" {
		return invalid.Errorf("--output %q does not exist here: use json, or leave it out", o.result.format)
	}
	if o.duration < 0 {
		return invalid.Errorf("--duration %s is negative: write how long to follow, such as 1m", o.duration)
	}
	if strings.Contains(name, "/") {
		return invalid.Errorf("%q is no network: write kubectl btcnet messages NAME 0 1", name)
	}
	first, err := o.target(ctx, name+"/"+a)
	if err != nil {
		return err
	}
	ref, err := noderef.Parse(name + "/" + b)
	if err != nil {
		return err
	}
	second, err := ref.Node(first.network)
	if err != nil {
		return err
	}
	if first.node == second {
		return invalid.Errorf("%s and %s are the same node: name two", a, b)
	}
	w := &watch{messagesOptions: o, client: first.Client, network: name, nodes: [2]noderef.Node{first.node, second}}
	w.known[0], w.known[1] = map[int64]bool{}, map[int64]bool{}
	connected := false
	for source := range w.nodes {
		if err := w.ask(ctx, source); err != nil {
			return err
		}
		for _, other := range w.known[source] {
			connected = connected || other
		}
	}
	if !connected {
		return fmt.Errorf("the nodes %s and %s are not connected: kubectl btcnet tree %s shows which are", a, b, name)
	}
	return w.follow(ctx)
}

// restoreTimeout is how long an interrupted command tries to restore the logs.
const restoreTimeout = 30 * time.Second

// logged switches the categories on, and returns what restores them, nil if they were on.
func (o *messagesOptions) logged(ctx context.Context, client *cluster.Client, pod string) (restore func(), err error) {
	on, err := cluster.Ask[map[string]bool](ctx, client, pod, "logging")
	if err != nil {
		return nil, err
	}
	var off []string
	for _, category := range messages.Categories {
		if enabled, exists := on[category]; exists && !enabled {
			off = append(off, category)
		}
	}
	if len(off) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(off)
	if err != nil {
		return nil, err
	}
	restore = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
		defer cancel()
		if _, err := client.CLI(ctx, pod, "logging", "[]", string(list)); err != nil {
			o.note("The log of %s still has the categories %s: switch them off with kubectl btcnet cli NAME/%s logging [] '%s' (%v)", pod, strings.Join(off, ", "), pod, list, err)
		}
	}
	if _, err = client.CLI(ctx, pod, "logging", string(list), "[]"); err != nil {
		restore() // the call may have come through
	}
	return restore, err
}

// wants reports whether a type is to be printed.
func (o *messagesOptions) wants(kind string) bool {
	return len(o.types) == 0 || slices.Contains(o.types, kind)
}

// errOver is the usual end.
var errOver = errors.New("the time is over")

func (w *watch) follow(ctx context.Context) error {
	defer func() {
		for _, restore := range w.restore {
			restore()
		}
	}()
	for source := range w.nodes {
		if err := w.switchOn(ctx, source); err != nil {
			return err
		}
	}
	if w.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.duration, errOver)
		defer cancel()
		w.note("Following the messages between %s and %s for %s.", w.nodes[0].Pod, w.nodes[1].Pod, w.duration)
	} else {
		w.note("Following the messages between %s and %s until Ctrl-C.", w.nodes[0].Pod, w.nodes[1].Pod)
	}
	err := w.print(ctx)
	if ctx.Err() != nil {
		return nil // Ctrl-C is the usual end too
	}
	return err
}
