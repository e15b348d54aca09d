//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// A clock that steps: that of bitcoind by setmocktime, which is what all of its decisions on times use, and those of the operator and
// the supervisor by the seconds in a file, for which the script compiles them with a package time of its own. Timers do not step.
const clockFile = "run/clock"

var (
	// More than two hours ahead, a node's blocks are invalid for the others.
	stepsOfNodes     = []time.Duration{110 * time.Minute, 25 * time.Minute, 30 * time.Second, -30 * time.Second, -110 * time.Minute, -30 * time.Hour}
	stepsOfOperators = []time.Duration{30 * time.Hour, time.Hour, 30 * time.Second, -30 * time.Second, -time.Hour, -30 * time.Hour}
)

func (o *operator) clock() string { return filepath.Join(o.dir, o.name+".clock") }

func setClock(path string, by time.Duration) error {
	return os.WriteFile(path, strconv.AppendInt(nil, int64(by/time.Second), 10), 0o600)
}

// stepClock steps the clock of an operator, or of a pod, and back.
func (r *run) stepClock(ctx context.Context, f fault) {
	choice := f.amount / 3 % len(stepsOfNodes)
	if f.amount%3 == 0 {
		o, by := r.operators[f.target%len(r.operators)], stepsOfOperators[choice]
		r.note("the clock of %s steps by %s for %s", o.name, by, f.lasts.Round(100*time.Millisecond))
		r.stepFile(ctx, o.clock(), by, f.lasts)
		return
	}
	n, exists := r.nodeAt(ctx, f.target)
	if !exists {
		return
	}
	by := stepsOfNodes[choice]
	r.note("the clock of %s steps by %s for %s", n.name(), by, f.lasts.Round(100*time.Millisecond))
	r.disturb(f.lasts, n.container.nodes(mostNodes)...)
	if n.perPod > 0 {
		r.stepFile(ctx, filepath.Join(n.root, clockFile), by, f.lasts)
	}
	r.pending.Go(func() { r.mockTime(ctx, n.name(), by, f.lasts) })
}

func (r *run) stepFile(ctx context.Context, path string, by, lasts time.Duration) {
	step := func(by time.Duration) {
		switch err := setClock(path, by); {
		case errors.Is(err, os.ErrNotExist):
			// The pod does not run yet, or not any more.
			r.note("step a clock: %v", err)
		case err != nil:
			r.fail("step a clock: %v", err)
		}
	}
	r.hold(ctx, "clock "+path, lasts, func() { step(by) }, func() { step(0) })
}

// mockTime lets the clock of a node run ahead for a while. A node that is not found then, or has been started again, has the right time.
func (r *run) mockTime(ctx context.Context, name string, by, lasts time.Duration) {
	set := func(ctx context.Context, to int64) error {
		ctx, cancel := r.pace.within(ctx, time.Second)
		defer cancel()
		for _, c := range r.kubelet.containers() {
			for slot := range max(c.perPod, 1) {
				if n := (node{c, slot}); n.name() == name {
					var none any
					return n.call(ctx, "setmocktime", &none, to)
				}
			}
		}
		return nil
	}
	for end := time.Now().Add(lasts); time.Now().Before(end) && r.keep(ctx, 250*time.Millisecond); {
		_ = set(ctx, time.Now().Add(by).Unix()) //nolint:errcheck // again in a moment
	}
	// Twice: a call whose client has gone may be carried out after the first.
	for done, tries := 0, 0; tries < 60 && sleep(ctx, 500*time.Millisecond); tries++ {
		if set(ctx, 0) == nil {
			done++
		}
		if done == 2 {
			return
		}
	}
	r.note("the clock of %s could not be set back", name)
}

func TestTheClockOfAnOperatorSteps(t *testing.T) {
	place := os.Getenv("FAULTS_PLACE")
	if place == "" {
		testtools.Missing(t, "fault runs need a network namespace and programs of their own: use scripts/faults.sh")
	}
	r := newRun(t, 0)
	for _, by := range []time.Duration{30 * time.Hour, -30 * time.Hour, 0} {
		must(t, setClock(r.operators[0].clock(), by))
		r.until(t, fmt.Sprint("a lease that is renewed with a clock that is ", by, " ahead"), startLimit, func(ctx context.Context) error {
			leases, err := r.Clients.CoordinationV1().Leases(r.name).List(ctx, metav1.ListOptions{})
			if err != nil || len(leases.Items) != 1 || leases.Items[0].Spec.RenewTime == nil {
				return fmt.Errorf("%d leases are renewed (%v)", len(leases.Items), err)
			}
			if off := time.Until(leases.Items[0].Spec.RenewTime.Time) - by; off.Abs() > time.Minute {
				return fmt.Errorf("it is off by another %s", off)
			}
			return nil
		})
	}
}
