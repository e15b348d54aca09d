//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// justified is how old the operator's knowledge may be when it reports Ready: an answer of a node counts for 4 s when a later call
	// fails (answerLifetime), a pass waits 1.5 s for answers, and the observer asks twice a second. While API calls fail, the patch of
	// the status may be slow by the 5 s after which the proxy cuts a request that hangs, and by the retry after it.
	justified        = 7 * time.Second
	justifiedByFault = 14 * time.Second
	// settles is how long the connections of a node may change after a fault of the node.
	settles = 15 * time.Second
	// staleReady is how long Ready may stay after the nodes are not as specified any more, while an operator works and can reach the API:
	// the 5 s between two polls, the 10 s of a call to a node that hangs (callTimeout), of which the last answer may count
	// for 6 s more (aliveLifetime), and the 1.5 s of a pass.
	staleReady = 23 * time.Second
	// afterAPI is how long a write may be missing after API calls failed: a request that hangs until its time is up, and another attempt.
	afterAPI = 15 * time.Second
	// askTimeout is how long nodes have for their answer to the observer.
	askTimeout = 1500 * time.Millisecond
)

var errConnections = errors.New("connections")

// observation is what the bitcoinds report of themselves at one moment.
type observation struct {
	at time.Duration
	// all is the number of nodes that are specified, and nodes are those of them that exist.
	all   int
	nodes []node
	// heights and tips are those of the nodes that have answered.
	heights map[string]int64
	tips    map[string]string
	// wrong is why the network is not as specified; nil when it is.
	wrong error
}

// ask asks all bitcoinds of the network.
func (r *run) ask(ctx context.Context, net *v1.BitcoinNetwork) observation {
	ctx, cancel := r.pace.within(ctx, askTimeout)
	defer cancel()
	all := int(net.Spec.Nodes)
	nodes := r.kubelet.nodes(all)
	list := make([]seen, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() { list[i] = askOne(ctx, n) })
	}
	group.Wait()
	o := observation{at: r.pace.now(), all: all, heights: map[string]int64{}, tips: map[string]string{}}
	var errs []error
	for i := range list {
		if nodes[i].ordinal() < all {
			o.nodes = append(o.nodes, nodes[i])
		}
		if list[i].err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", nodes[i].name(), list[i].err))
			continue
		}
		if nodes[i].ordinal() >= all {
			continue
		}
		o.heights[nodes[i].name()], o.tips[nodes[i].name()] = list[i].height, list[i].best
	}
	if pods := len(r.kubelet.containers()); pods != podsOf(net.Spec) || len(list) != all {
		errs = append(errs, fmt.Errorf("%d pods run, want %d, with %d of %d nodes", pods, podsOf(net.Spec), len(list), all))
	}
	if leaving := r.kubelet.leaving(all); len(leaving) > 0 {
		errs = append(errs, fmt.Errorf("%v run and are not specified", leaving))
	}
	if o.wrong = errors.Join(errs...); o.wrong == nil {
		o.wrong = compare(net.Spec, list)
	}
	return o
}

func desiredEdges(spec v1.BitcoinNetworkSpec) []topology.Edge {
	s := topology.Spec{Type: v1.TopologyMesh, Nodes: int(spec.Nodes), Degree: v1.DefaultDegree, Seed: v1.DefaultSeed}
	if spec.Topology != nil {
		s.Type = spec.Topology.Type
	}
	for _, p := range spec.Partitions {
		var set []int
		for _, n := range p.Nodes {
			set = append(set, int(n))
		}
		s.Partitions = append(s.Partitions, set)
	}
	return topology.Desired(s)
}

// readyOf returns since when the network is Ready for its generation; "" while it is not.
func readyOf(net *v1.BitcoinNetwork) string {
	c := meta.FindStatusCondition(net.Status.Conditions, v1.ConditionReady)
	if c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != net.Generation || net.Status.ObservedGeneration != net.Generation {
		return ""
	}
	return fmt.Sprint("generation ", net.Generation, " since ", c.LastTransitionTime.UTC().Format(time.TimeOnly))
}

// reasonOf is why the network is not Ready.
func reasonOf(net *v1.BitcoinNetwork) string {
	c := meta.FindStatusCondition(net.Status.Conditions, v1.ConditionReady)
	if c == nil || c.Status == metav1.ConditionTrue {
		return ""
	}
	return c.Reason + ": " + c.Message
}

// observe compares Ready with what the bitcoinds report, until the context ends.
func (r *run) observe(ctx context.Context) {
	var lastWhole, wrongSince time.Duration
	var whole int64 // the last generation as which the nodes have been seen
	ready := ""
	for sleep(ctx, 250*time.Millisecond) {
		before, err := r.get(ctx)
		if err != nil {
			continue
		}
		o := r.ask(ctx, before)
		after, err := r.get(ctx)
		if err != nil || ctx.Err() != nil {
			continue
		}
		if before.Generation == after.Generation {
			r.raiseFloor(o)
			r.keepBlock(ctx, after, o)
		}
		// Blocks spread while the nodes are asked.
		if o.wrong != nil && before.Generation == after.Generation {
			if again := r.ask(ctx, after); again.wrong == nil {
				o = again
			}
		}
		if o.wrong == nil {
			lastWhole, whole = o.at, before.Generation
		}
		now := readyOf(after)
		if now != ready {
			r.note("status: Ready %q %s; by the nodes: %v", now, reasonOf(after), o.wrong)
			if now != "" {
				r.evaluate(ctx, after, now, lastWhole, whole)
			}
			ready, wrongSince = now, 0
		}
		switch {
		case now == "" || o.wrong == nil || r.disabled():
			wrongSince = 0
		case wrongSince == 0:
			wrongSince = o.at
		case r.pace.now()-wrongSince > staleReady:
			r.fail("Ready %s stayed for %s after the nodes were not as specified any more: %v", now, (r.pace.now() - wrongSince).Round(time.Second), o.wrong)
			wrongSince = 0
		}
	}
}

// evaluate checks a Ready that was reported just now. The nodes were last as specified at lastWhole, and as this generation specifies or not.
func (r *run) evaluate(ctx context.Context, net *v1.BitcoinNetwork, ready string, lastWhole time.Duration, whole int64) {
	limit := justified
	if r.disabled() {
		limit = justifiedByFault
	}
	o := r.ask(ctx, net)
	switch {
	case ctx.Err() != nil || o.wrong == nil:
	case r.pace.now()-lastWhole > limit:
		r.fail("Ready %s was reported, and the nodes were not as specified in the %s before: %v", ready, limit, o.wrong)
	case whole != net.Generation && errors.Is(o.wrong, errConnections) && !r.disturbed():
		// Whoever reports a generation has seen the nodes after it was specified, and no fault has separated them since.
		r.fail("Ready %s was reported, and the nodes were never connected as this generation specifies: %v", ready, o.wrong)
	}
}
