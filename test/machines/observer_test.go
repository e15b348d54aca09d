//go:build e2e

package machines

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// observer compares the condition Ready of a network with what its nodes answer, all the time.
type observer struct {
	n *network
	// allowed is how long Ready may stay true after a node was lost: the operator has to find out.
	allowed time.Duration

	mu sync.Mutex
	// disturbedAt is when a cluster node began to go.
	disturbedAt time.Time
	wrong       []string
	// asked and denied count how often the nodes were asked, and how often they were not whole.
	asked, denied int
	longest       time.Duration
	// denials are the answers of the last times that they were not whole, for whoever reads a failure.
	denials []string
	stop    context.CancelFunc
	done    chan struct{}
}

// observe begins to compare, until the test calls end.
func observe(t *testing.T, allowed time.Duration, networks ...*network) (observers []*observer) {
	t.Helper()
	for _, n := range networks {
		ctx, stop := context.WithCancel(t.Context())
		o := &observer{n: n, allowed: allowed, stop: stop, done: make(chan struct{})}
		go o.run(ctx)
		t.Cleanup(stop)
		observers = append(observers, o)
	}
	return observers
}

// disturb records that a cluster node is about to be drained or to fail.
func disturb(observers []*observer) {
	for _, o := range observers {
		o.disturb()
	}
}

func (o *observer) disturb() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.disturbedAt = time.Now()
}

// podsOfPeriod are the pods of a network when a period of Ready began. A drain evicts the next pod as soon as the last one is ready again,
// which is another disturbance, and not a period in which the nodes never were whole.
type podsOfPeriod struct {
	since time.Time
	uids  map[types.UID]bool
}

// begin reads the pods, unless the period is the same; the zero time is none.
func (p *podsOfPeriod) begin(ctx context.Context, n *network, since time.Time) {
	if since.IsZero() || since.Equal(p.since) {
		return
	}
	pods, err := n.pods(ctx)
	if err != nil {
		return // the next call reads them
	}
	p.since, p.uids = since, map[types.UID]bool{}
	for _, pod := range pods {
		p.uids[pod.UID] = true
	}
}

// changed is whether a pod was deleted or created in this period.
func (p *podsOfPeriod) changed(ctx context.Context, n *network) (bool, error) {
	pods, err := n.pods(ctx)
	if err != nil {
		return false, err
	}
	return len(pods) != n.nodes || slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
		if !p.uids[pod.UID] || !pod.CreationTimestamp.Time.Before(p.since) {
			return true
		}
		// The timestamp is when the pod has to be gone.
		grace := time.Duration(ptr.Deref(pod.DeletionGracePeriodSeconds, 0)) * time.Second
		return pod.DeletionTimestamp != nil && !pod.DeletionTimestamp.Add(-grace).Before(p.since)
	}), nil
}

// end stops the observers and reports what was wrong.
func end(t *testing.T, observers []*observer) {
	t.Helper()
	for _, o := range observers {
		o.stop()
		<-o.done
		for _, wrong := range o.wrong {
			t.Errorf("%s: %s", o.n.name, wrong)
		}
		t.Logf("%s: asked %d times while it was Ready; %d times it was not whole, for %.0f s at most: %q", o.n.name, o.asked, o.denied, o.longest.Seconds(), o.denials)
	}
}

// readySince is when Ready turned true; the zero time while it is not, or not known.
func (o *observer) readySince(ctx context.Context) time.Time {
	c, err := o.n.condition(ctx)
	if err != nil || c == nil || c.Status != metav1.ConditionTrue {
		return time.Time{}
	}
	return c.LastTransitionTime.Time
}

func (o *observer) run(ctx context.Context) {
	defer close(o.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	// confirmed is the last period of Ready in which the nodes were whole, and wrongSince when they were not for the first time.
	var confirmed, wrongSince time.Time
	var pods podsOfPeriod
	for {
		since := o.readySince(ctx)
		pods.begin(ctx, o.n, since)
		asked := time.Now()
		var err error
		if !since.IsZero() {
			err = o.n.whole(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		switch changed, unknown := pods.changed(ctx, o.n); {
		case since.IsZero() || o.readySince(ctx) != since:
			wrongSince = time.Time{}
		case err != nil && unknown != nil: // nothing is known about this moment
		default:
			if changed {
				o.disturb()
			}
			confirmed, wrongSince = o.compare(since, asked, confirmed, wrongSince, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// compare evaluates an answer of the nodes while Ready was true.
func (o *observer) compare(since, asked, confirmed, wrongSince time.Time, err error) (newConfirmed, newWrongSince time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if err == nil {
		return since, time.Time{}
	}
	o.denied++
	o.denials = append(o.denials[max(0, len(o.denials)-4):], fmt.Sprintf("%s, Ready since %s: %v", asked.UTC().Format(time.TimeOnly), since.UTC().Format(time.TimeOnly), err))
	if wrongSince.IsZero() {
		return confirmed, asked
	}
	o.longest = max(o.longest, time.Since(wrongSince))
	// The time of a condition has no fractions.
	disturbedSince := o.disturbedAt.Add(time.Second).After(since)
	switch {
	case confirmed != since && !disturbedSince && !errors.Is(err, errNoAnswer):
		o.wrong = append(o.wrong, fmt.Sprintf("Ready since %s, and its nodes never were: %v", since.UTC().Format(time.TimeOnly), err))
	case time.Since(wrongSince) > o.allowed:
		o.wrong = append(o.wrong, fmt.Sprintf("Ready for %.0f s after its nodes were not any more: %v", time.Since(wrongSince).Seconds(), err))
	}
	return confirmed, wrongSince
}

// countsPresent returns the smallest number of pods of a network that it sees present until the returned function is called.
func countsPresent(t *testing.T, n *network) (smallest func() int) {
	t.Helper()
	before := map[types.UID]bool{}
	for _, pod := range podsOf(t, n) {
		before[pod.UID] = true
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	result := make(chan int, 1)
	go func() {
		least := n.nodes
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if pods, err := n.pods(ctx); err == nil {
				least = min(least, present(pods, before))
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		result <- least
	}()
	return func() int {
		stop()
		return <-result
	}
}

// present counts the pods that nobody has taken away, of those of before, and the ready ones of the others. A single readiness probe of a pod
// that stays may fail on a busy machine, which is not the doing of a drain.
func present(pods []corev1.Pod, before map[types.UID]bool) int {
	isOld := func(pod corev1.Pod) bool { return before[pod.UID] }
	count := readyOf(slices.DeleteFunc(slices.Clone(pods), isOld))
	for _, pod := range pods {
		if isOld(pod) && pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			count++
		}
	}
	return count
}

// readyOf counts the pods that a disruption budget counts.
func readyOf(pods []corev1.Pod) int {
	count := 0
	for _, pod := range pods {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil {
				count++
			}
		}
	}
	return count
}
