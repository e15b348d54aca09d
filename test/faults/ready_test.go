//go:build faults

package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// justified is how old the operator's knowledge may be when it reports Ready: an answer of a node counts for 4 s when a later call
	// fails (answerLifetime), a pass waits 1.5 s for answers, and the nodes are asked twice a second. While API calls fail, the patch of
	// the status may be slow by the 10 s after which it is given up (statusTimeout), and by a request before it.
	justified        = 7 * time.Second
	justifiedByFault = 18 * time.Second
	// spreads is how long a block may be on its way when Ready is reported (syncGracePeriod).
	spreads = 3 * time.Second
	// staleReady is how long Ready may stay after the nodes are not as specified any more, while an operator works and can reach the API:
	// the 5 s between two polls, the 10 s of a call to a node that hangs (callTimeout), of which the last answer may count
	// for 6 s more (aliveLifetime), and the 1.5 s of a pass.
	staleReady = 23 * time.Second
)

// version is one of the network that the API server has had.
type version struct {
	net   *v1.BitcoinNetwork
	ready bool
	// at is when it appeared, and since when the first one did since which all are Ready for one generation.
	at, since time.Duration
	// disabled is whether a fault kept operators from their work.
	disabled bool
}

// readyOf returns since when the network is Ready for its generation; "" while it is not.
func readyOf(net *v1.BitcoinNetwork) string {
	c := meta.FindStatusCondition(net.Status.Conditions, v1.ConditionReady)
	current := c != nil && c.ObservedGeneration == net.Generation && net.Status.ObservedGeneration == net.Generation
	if !current || c.Status != metav1.ConditionTrue {
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

// followStatus records each version of the network, from the API server itself, until the context ends: also a Ready that is gone at once.
func (r *run) followStatus(ctx context.Context) {
	server, err := client.NewWithWatch(r.Config, client.Options{Scheme: r.Scheme})
	if err != nil {
		r.fail("watch the network: %v", err)
		return
	}
	for sleep(ctx, 100*time.Millisecond) {
		stream, err := server.Watch(ctx, &v1.BitcoinNetworkList{}, client.InNamespace(r.name))
		if err != nil {
			continue
		}
		for event := range stream.ResultChan() {
			if net, ok := event.Object.(*v1.BitcoinNetwork); ok && event.Type != watch.Deleted {
				r.sees(net)
			}
		}
		stream.Stop()
	}
}

func (r *run) sees(net *v1.BitcoinNetwork) {
	if reason := reasonOf(net); strings.Contains(reason, "panic: ") {
		r.fail("an operator has panicked: %s", reason)
	}
	disabled, now := r.disabled(), r.pace.now()
	v := version{net: net, at: now, since: now, ready: readyOf(net) != "" && net.DeletionTimestamp == nil, disabled: disabled}
	r.mu.Lock()
	last := r.latest
	same := last.net != nil && last.ready == v.ready && last.net.Generation == net.Generation
	if same {
		v.since = last.since
	}
	r.latest = v
	if unsettled(net) != nil {
		r.unsettled = now
	}
	if v.ready && !same {
		r.unevaluated = append(r.unevaluated, v)
	}
	r.mu.Unlock()
	if v.ready && !same || last.ready && !v.ready {
		r.note("status %s: Ready %q %s", net.ResourceVersion, readyOf(net), reasonOf(net))
	}
}

// evaluateDue compares what was reported with the observations, of which this is the latest.
func (r *run) evaluateDue(o observation) {
	disabled, now := r.disabled(), r.pace.now()
	r.mu.Lock()
	latest := r.latest
	var due []version
	for len(r.unevaluated) > 0 && r.unevaluated[0].at+spreads < o.began {
		due, r.unevaluated = append(due, r.unevaluated[0]), r.unevaluated[1:]
	}
	r.mu.Unlock()
	for _, v := range due {
		r.evaluate(v)
	}
	switch {
	case !latest.ready || latest.net.Generation != o.generation || o.wrong == nil || disabled:
		r.wrongSince = 0
	case r.wrongSince == 0 || r.wrongSince < latest.since:
		r.wrongSince = o.at
	case now-r.wrongSince > staleReady:
		r.fail("Ready %s stayed for %s after the nodes were not as specified any more: %v",
			readyOf(latest.net), (now - r.wrongSince).Round(time.Second), o.wrong)
		r.wrongSince = 0
	}
}

// evaluate checks the first version that is Ready for its generation. Whoever reports that has seen the nodes so shortly before.
func (r *run) evaluate(v version) {
	limit := justified
	if v.disabled {
		limit = justifiedByFault
	}
	var around, before []observation
	whole, later := false, false
	for _, o := range r.samples {
		if o.at < v.at-limit || o.began > v.at+spreads {
			continue
		}
		around = append(around, o)
		whole = whole || o.wrong == nil
		// The first one after it too: the operator may have asked since the last one before.
		if !later {
			before = append(before, o)
		}
		later = o.began > v.at
	}
	// Without one after it nobody but the operator may have asked a node that has just been added.
	if len(before) < 3 || !later {
		r.note("Ready %s: only %d observations, one of them after it: %t", readyOf(v.net), len(before), later)
		return
	}
	if !whole {
		r.fail("Ready %s was reported, and the nodes were not as specified from %s before it to %s after it: %v",
			readyOf(v.net), limit, spreads, around[len(around)-1].wrong)
		return
	}
	// A later fault of a node changes nothing of what was seen before.
	faulty := before[len(before)-1].settled
	if missing := unseen(v.net.Spec, before, func(node int) bool { return faulty[node] < v.at }); len(missing) > 0 {
		r.fail("Ready %s was reported, and in the %s before it nobody has seen %v", readyOf(v.net), limit, missing)
	}
}

// unseen are the nodes, connections, and pairs without one of a specification that none of the observations has, but for those of nodes
// that have not settled.
func unseen(spec v1.BitcoinNetworkSpec, list []observation, settled func(int) bool) (missing []string) {
	desired := map[topology.Edge]bool{}
	for _, e := range desiredEdges(spec) {
		desired[e] = true
	}
	seen := map[topology.Edge]bool{}
	answered := map[int]bool{}
	for _, o := range list {
		for a := range o.answered {
			answered[a] = true
			for b := range int(spec.Nodes) {
				e := topology.Edge{A: min(a, b), B: max(a, b)}
				want := 0
				if desired[e] {
					want = 1
					if o.answered[b] {
						want = 2
					}
				}
				seen[e] = seen[e] || o.edges[e] == want
			}
		}
	}
	for a := range int(spec.Nodes) {
		if !settled(a) {
			continue
		}
		if !answered[a] {
			missing = append(missing, fmt.Sprint("node ", a))
		}
		for b := range a {
			if e := (topology.Edge{A: b, B: a}); settled(b) && !seen[e] {
				missing = append(missing, fmt.Sprintf("nodes %d and %d connected: %t", b, a, desired[e]))
			}
		}
	}
	return missing
}
