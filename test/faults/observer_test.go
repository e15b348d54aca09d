//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// settles is how long the connections of a node may change after a fault of the node.
	settles = 15 * time.Second
	// afterAPI is how long a write may be missing after API calls failed: a request that hangs until its time is up, and another attempt.
	afterAPI = 15 * time.Second
	// askTimeout is how long nodes have for their answer to the observer.
	askTimeout = 1500 * time.Millisecond
)

// observation is what the bitcoinds report of themselves at one moment.
type observation struct {
	// began is when they were asked, and at when all had answered or had not in time.
	began, at time.Duration
	// generation of the specification that they are compared with.
	generation int64
	// answered are the numbers of the nodes that have, and edges the connections by the number of their ends that report them.
	answered map[int]bool
	edges    map[topology.Edge]int
	// settled is when the connections of nodes settle after the faults so far.
	settled map[int]time.Duration
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
	all, began := int(net.Spec.Nodes), r.pace.now()
	nodes := r.kubelet.nodes(all)
	list := make([]seen, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() { list[i] = askOne(ctx, n) })
	}
	group.Wait()
	o := observation{
		began: began, at: r.pace.now(), generation: net.Generation, all: all, heights: map[string]int64{}, tips: map[string]string{},
		answered: map[int]bool{}, edges: reported(list),
	}
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
		o.answered[list[i].ordinal] = true
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

// observe asks the nodes again and again, and compares what was reported with their answers, until the context ends.
func (r *run) observe(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { r.followStatus(ctx) })
	for sleep(ctx, 250*time.Millisecond) {
		before, err := r.get(ctx)
		if err != nil || before.DeletionTimestamp != nil {
			continue
		}
		o := r.sample(ctx, before)
		after, err := r.get(ctx)
		if err != nil || ctx.Err() != nil {
			continue
		}
		if before.Generation == after.Generation {
			r.raiseFloor(o)
			r.keepBlock(ctx, after, o)
		}
		// Blocks spread while the nodes are asked.
		if o.wrong != nil {
			if again := r.sample(ctx, after); again.wrong == nil {
				o = again
			}
		}
		if ctx.Err() == nil {
			r.evaluateDue(o)
		}
	}
}

// sample asks the nodes, and keeps the answers for as long as they count.
func (r *run) sample(ctx context.Context, net *v1.BitcoinNetwork) observation {
	o := r.ask(ctx, net)
	r.mu.Lock()
	o.settled = maps.Clone(r.settled)
	r.mu.Unlock()
	r.samples = append(r.samples, o)
	for r.samples[0].at < o.at-time.Minute {
		r.samples = r.samples[1:]
	}
	return o
}
