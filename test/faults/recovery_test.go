//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// recovers waits until the network is as specified, and does first what a user must do for Ready: the sides of a partition may be on
// branches of their own, or have lost their blocks, until it is healed, and two branches of one height stay until a block is mined.
func (r *run) recovers(ctx context.Context, t *testing.T) {
	t.Helper()
	net, err := r.get(ctx)
	must(t, err)
	if len(net.Spec.Partitions) > 0 {
		r.until(t, "the sides of the partition to be as specified", recovery, r.sidesAsSpecified)
		r.update(ctx, func(spec *v1.BitcoinNetworkSpec) { spec.Partitions = nil })
	}
	r.until(t, "the network to recover", recovery, func(ctx context.Context) error {
		net, err := r.get(ctx)
		if err != nil {
			return err
		}
		if net.Spec.Mining == nil && r.ask(ctx, net).tied() {
			r.note("two branches have the same height: mining is switched on")
			r.update(ctx, func(spec *v1.BitcoinNetworkSpec) { spec.Mining = mining() })
		}
		return r.asSpecified(ctx)
	})
	r.update(ctx, func(spec *v1.BitcoinNetworkSpec) { spec.Mining = nil })
	r.until(t, "the network to be Ready without mining, with a status as the nodes report", recovery, func(ctx context.Context) error {
		if err := r.asSpecified(ctx); err != nil {
			return err
		}
		return errors.Join(r.statusIsTrue(ctx), r.isSettled(ctx))
	})
	r.until(t, "each node to have the block that a majority had for good", shortly, r.noBlockIsLost)
}

// isSettled checks that Ready has the reason that stays.
func (r *run) isSettled(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	return unsettled(net)
}

// unsettled is why a status will change although nothing happens: a node that was busy is reported as such for 30 s more (busyReportTime).
func unsettled(net *v1.BitcoinNetwork) error {
	for _, kind := range []string{v1.ConditionReady, v1.ConditionNodesReady} {
		if c := meta.FindStatusCondition(net.Status.Conditions, kind); c == nil || c.Reason != v1.ReasonReady {
			return fmt.Errorf("%s has not the reason %s: %v", kind, v1.ReasonReady, c)
		}
	}
	return nil
}

// tied reports whether the highest blocks compete.
func (o observation) tied() bool {
	highest, blocks := int64(0), map[string]bool{}
	for name, height := range o.heights {
		if height > highest {
			highest = height
			clear(blocks)
		}
		if height == highest {
			blocks[o.tips[name]] = true
		}
	}
	return len(blocks) > 1
}

// sidesAsSpecified asks the nodes, and the status but for what Ready needs of a network that is not partitioned.
func (r *run) sidesAsSpecified(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	if o := r.ask(ctx, net); o.wrong != nil {
		return o.wrong
	}
	for _, kind := range []string{v1.ConditionNodesReady, v1.ConditionConnected} {
		if c := meta.FindStatusCondition(net.Status.Conditions, kind); c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != net.Generation {
			return fmt.Errorf("generation %d is not %s: %v", net.Generation, kind, net.Status.Conditions)
		}
	}
	return nil
}

// statusIsTrue compares the figures of the status with what the nodes report. The network must not change.
func (r *run) statusIsTrue(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	o := r.ask(ctx, net)
	if o.wrong != nil {
		return o.wrong
	}
	highest, best := int64(-1), ""
	for name, height := range o.heights {
		if height > highest {
			highest, best = height, o.tips[name]
		}
	}
	edges, s := int32(len(desiredEdges(net.Spec))), &net.Status //nolint:gosec // few
	type figures struct {
		height       int64
		best         string
		tips         int32
		ready        int32
		connections  int32
		desiredEdges int32
	}
	got := figures{s.Height, s.BestBlockHash, s.ChainTips, s.ReadyNodes, s.Connections, s.DesiredConnections}
	if want := (figures{highest, best, 1, net.Spec.Nodes, edges, edges}); got != want {
		return fmt.Errorf("the status has %+v, and the nodes %+v", got, want)
	}
	for _, n := range s.Nodes {
		if n.Blocks != highest || n.BestBlockHash != best {
			return fmt.Errorf("the status of node %d has the block %.10s of height %d, and the nodes %.10s of height %d", n.Ordinal, n.BestBlockHash, n.Blocks, best, highest)
		}
	}
	return nil
}

// asSpecified asks the status and the nodes.
func (r *run) asSpecified(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	o := r.ask(ctx, net)
	if o.wrong != nil {
		return o.wrong
	}
	r.mu.Lock()
	floor := r.floor
	r.mu.Unlock()
	highest := int64(-1)
	for _, h := range o.heights {
		highest = max(highest, h)
	}
	if highest < floor {
		return fmt.Errorf("the highest block is %d, and a majority had %d", highest, floor)
	}
	if readyOf(net) == "" {
		return fmt.Errorf("generation %d is not Ready: %v", net.Generation, net.Status.Conditions)
	}
	return nil
}
