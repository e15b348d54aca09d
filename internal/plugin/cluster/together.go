package cluster

import (
	"context"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// parallel is how many pods are called at the same time, and how many nodes of a pod: each call starts a process on a machine of the
// cluster. It is also how many streams there are for nodes that are called alone.
const parallel = 8

// together are the calls of one Each.
type together struct {
	ctx context.Context //nolint:containedctx // that of one call of Each
	// shared are the pods with several of its nodes.
	shared map[string]bool
	// turns limits the streams for single calls.
	turns chan struct{}
	mu    sync.Mutex
	pods  map[string]*podCalls
}

type togetherKey struct{}

// Each calls a function for every node, for several at the same time, and returns the first error of each node. The calls of bitcoin-cli
// with the function's context share one stream for all nodes of a pod.
func Each(ctx context.Context, nodes []noderef.Node, call func(context.Context, noderef.Node) error) map[int]error {
	t := &together{ctx: ctx, shared: map[string]bool{}, turns: make(chan struct{}, parallel), pods: map[string]*podCalls{}}
	calls := context.WithValue(ctx, togetherKey{}, t)
	failed := map[int]error{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, pod := range t.byPod(nodes) {
		group.Go(func() error {
			defer t.end(noderef.At(pod[0].Pod).Pod)
			var inPod errgroup.Group
			inPod.SetLimit(parallel)
			for _, node := range pod {
				inPod.Go(func() error {
					if err := call(calls, node); err != nil {
						mu.Lock()
						defer mu.Unlock()
						failed[node.Ordinal] = err
					}
					return nil
				})
			}
			return inPod.Wait()
		})
	}
	_ = group.Wait() //nolint:errcheck // the functions return nil
	return failed
}

// byPod are the nodes of each pod, in the order of the nodes.
func (t *together) byPod(nodes []noderef.Node) [][]noderef.Node {
	var pods [][]noderef.Node
	at := map[string]int{}
	for _, node := range nodes {
		pod := noderef.At(node.Pod).Pod
		i, known := at[pod]
		if !known {
			at[pod] = len(pods)
			pods = append(pods, []noderef.Node{node})
			continue
		}
		pods[i], t.shared[pod] = append(pods[i], node), true
	}
	return pods
}

// of is the process that calls the nodes of a pod; nil for a pod with one node.
func (t *together) of(c *Client, pod string) *podCalls {
	if !t.shared[pod] {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pods[pod] == nil {
		t.pods[pod] = c.openPod(t.ctx, pod)
	}
	return t.pods[pod]
}

// end ends the process in a pod, whose nodes have all been called.
func (t *together) end(pod string) {
	t.mu.Lock()
	p := t.pods[pod]
	t.mu.Unlock()
	if p != nil {
		p.end()
	}
}

// way is how a call gets to its node.
type way func(ctx context.Context, out, errOut io.Writer) error

// wayTo is through the process that calls all nodes of the pod, or a stream for this call alone: pods of earlier releases have no such
// process, and one call cannot have the input of another one. done has to be called after the call.
func (c *Client) wayTo(ctx context.Context, pod string, arguments []string, in io.Reader) (through way, done func(), err error) {
	alone := func(ctx context.Context, out, errOut io.Writer) error {
		return c.Stream(ctx, pod, arguments, in, out, errOut)
	}
	t, among := ctx.Value(togetherKey{}).(*together)
	if !among {
		return alone, func() {}, nil
	}
	at := noderef.At(pod)
	if p := t.of(c, at.Pod); p != nil && in == nil && areText(arguments) {
		available, err := p.available(ctx, pod)
		if err != nil {
			return nil, nil, err
		}
		if available {
			return func(ctx context.Context, out, errOut io.Writer) error {
				err := p.call(ctx, int(at.Slot), arguments, out, errOut)
				if _, exited := errors.AsType[*ExitError](err); exited {
					return err
				}
				return c.explainExec(ctx, err, pod)
			}, func() {}, nil
		}
	}
	select {
	case t.turns <- struct{}{}:
		return alone, func() { <-t.turns }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// areText reports whether JSON represents the arguments as they are.
func areText(arguments []string) bool {
	for _, argument := range arguments {
		if !utf8.ValidString(argument) {
			return false
		}
	}
	return true
}
