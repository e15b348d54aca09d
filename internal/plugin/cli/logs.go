package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/logs"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

type logsOptions struct {
	*session
	grep   string
	follow bool
	since  time.Duration
	tail   int64
	// perPod is the number of nodes in a pod.
	perPod int
}

func logsCommand(s *session) *cobra.Command {
	o := &logsOptions{session: s}
	command := &cobra.Command{
		Use:   "logs NAME[/NODE]",
		Short: "Print the logs of all nodes in the order of their times",
		Long: "Print the logs of the nodes of a network, or of one node, merged in the order of the times at which the kubelets got the lines. With -f, the logs\n" +
			"are followed until Ctrl-C, also when pods are replaced.",
		Example:           "  kubectl btcnet logs my-network --grep UpdateTip --since 10m\n  kubectl btcnet logs my-network -f",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(true),
		RunE:              func(command *cobra.Command, args []string) error { return o.run(command.Context(), args[0]) },
	}
	flags := command.Flags()
	flags.StringVar(&o.grep, "grep", "", "Print only lines that match this regular expression.")
	flags.BoolVarP(&o.follow, "follow", "f", false, "Follow the logs until Ctrl-C.")
	flags.DurationVar(&o.since, "since", 0, "Print only lines that are not older than this.")
	flags.Int64Var(&o.tail, "tail", -1, "Print only this many of the latest lines of each node, before --grep.")
	return command
}

// hold is how long a line of a followed log waits for earlier ones of other nodes.
const hold = 500 * time.Millisecond

func (o *logsOptions) run(ctx context.Context, name string) error {
	pattern, err := regexp.Compile(o.grep)
	switch {
	case err != nil:
		return invalid.Errorf("--grep %q is not a regular expression: %s", o.grep, err.Error())
	case o.since < 0:
		return invalid.Errorf("--since %s is negative: write how old the lines may be, such as 10m", o.since)
	}
	t, err := o.target(ctx, name)
	if err != nil {
		return err
	}
	nodes := noderef.Nodes(t.network)
	o.perPod = t.network.Spec.NodesInPod()
	if ref, err := noderef.Parse(name); err == nil && ref.Names() {
		nodes = []noderef.Node{t.node}
	}
	width := 0
	sources := make([]chan logs.Line, len(nodes))
	failed := make(chan error, len(nodes))
	for i, node := range nodes {
		width = max(width, len(node.Pod))
		sources[i] = make(chan logs.Line)
		go func() {
			defer close(sources[i])
			failed <- o.read(ctx, t.Client, node.Pod, i, pattern, sources[i])
		}()
	}
	wait := time.Duration(0)
	if o.follow {
		wait = hold
	}
	if err := logs.Merge(ctx, sources, wait, func(line logs.Line) error {
		_, err := fmt.Fprintf(o.streams.Out, "%-*s  %s\n", width, nodes[line.Source].Pod, terminal.Line(line.Text))
		return err
	}); err != nil {
		return err
	}
	return o.outcome(failed, len(nodes))
}

// outcome is an error that concerns all nodes, or that of a node when none has a log.
func (o *logsOptions) outcome(failed <-chan error, nodes int) error {
	var last error
	count := 0
	for range nodes {
		err := <-failed
		if _, found := errors.AsType[*cluster.NodeError](err); err != nil && !found {
			return err
		}
		if err != nil {
			last = err
			count++
			if nodes > 1 {
				o.note("%s", err.Error())
			}
		}
	}
	if count == nodes {
		return last
	}
	return nil
}

// reopenInterval is the time between two attempts to follow the log of a pod that is replaced.
const reopenInterval = time.Second

// read passes on the log of a node; when it is followed, also that of the pods that take its place.
func (o *logsOptions) read(ctx context.Context, client *cluster.Client, pod string, source int, pattern *regexp.Regexp, to chan<- logs.Line) error {
	var last time.Time
	options := corev1.PodLogOptions{Follow: o.follow}
	if o.since > 0 {
		options.SinceSeconds = new(int64(max(o.since.Seconds(), 1)))
	}
	if o.tail >= 0 {
		options.TailLines = &o.tail
	}
	for {
		err := readOnce(ctx, client, pod, o.perPod, options, func(stream stream) error {
			var err error
			last, err = logs.Read(ctx, stream, source, last, pattern.MatchString, to)
			return err
		})
		if _, missing := errors.AsType[*cluster.MissingRight](err); !o.follow || missing || ctx.Err() != nil {
			return err
		}
		if !last.IsZero() {
			options = corev1.PodLogOptions{Follow: true, SinceTime: &metav1.Time{Time: last}}
		}
		select {
		case <-time.After(reopenInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type stream interface{ Read(p []byte) (int, error) }

func readOnce(ctx context.Context, client *cluster.Client, pod string, perPod int, options corev1.PodLogOptions, read func(stream) error) error {
	log, err := client.Logs(ctx, pod, perPod, options)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // it was only read
	return read(log)
}
