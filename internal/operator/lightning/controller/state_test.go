package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
)

func TestAConflictIsReportedWhenItIsRepeated(t *testing.T) {
	conflict := fmt.Errorf("apply: %w", apierrors.NewConflict(schema.GroupResource{Resource: "statefulsets"}, "ln-lnd", errors.New("changed")))
	for name, test := range map[string]struct {
		failed  error
		earlier int
		held    bool
		silent  bool
	}{
		"nothing failed":        {nil, 0, false, false},
		"a conflict":            {conflict, 0, false, true},
		"a second conflict":     {conflict, 1, false, false},
		"a conflict of earlier": {conflict, 0, true, false},
		"another failure":       {errors.New("no answer"), 0, false, false},
	} {
		r := &Reconciler{retries: backoff.NewRetries(minBackoff, maxRetryInterval), options: Options{Now: func() time.Time { return now }}}
		objects := appliedObjects{failed: test.failed, held: test.held}
		state := &networkState{key: types.NamespacedName{Name: "ln"}, held: &objects}
		for range test.earlier {
			r.retries.Failed(state.key, time.Second)
		}
		if got := r.passesByItself(state, &objects); got != test.silent || got && state.held != nil {
			t.Errorf("%s: %v, want %v", name, got, test.silent)
		}
		if _, err := r.next(state, passResult{wait: time.Minute}, test.failed); test.failed != nil && (err == nil || r.retries.NumRequeues(ctrl.Request{NamespacedName: state.key}) != test.earlier+1) {
			t.Errorf("%s: no backoff: %v", name, err)
		}
	}
}

// The nodes may have answered before an action that ended while they were asked.
func TestAnActionThatEndsWhileTheNodesAreAskedIsBusy(t *testing.T) {
	const key = "open 0"
	started := now
	for name, test := range map[string]struct {
		before, during func(*shared)
		// busy are the actions that may not start.
		open, mine bool
	}{
		"nothing happens":       {func(*shared) {}, func(*shared) {}, false, false},
		"it is in progress":     {func(s *shared) { s.begin(key) }, func(*shared) {}, true, false},
		"it ends":               {func(s *shared) { s.begin(key) }, func(s *shared) { s.end(key) }, true, false},
		"it ended before":       {func(s *shared) { s.begin(key); s.end(key) }, func(*shared) {}, false, false},
		"it begins":             {func(*shared) {}, func(s *shared) { s.begin(key) }, true, false},
		"blocks were mined":     {func(s *shared) { s.setMined("uid", &plan.Mine{}, 1, 1, started.Add(-time.Second)) }, func(*shared) {}, false, false},
		"blocks are mined then": {func(*shared) {}, func(s *shared) { s.setMined("uid", &plan.Mine{}, 1, 1, started.Add(time.Second)) }, false, true},
	} {
		s := newShared()
		test.before(s)
		before := s.inProgress()
		test.during(s)
		var in plan.Inputs
		s.inputs(&in, before, started)
		if in.Busy[key] != test.open || in.Busy[plan.KeyMine] != test.mine {
			t.Errorf("%s: %v", name, in.Busy)
		}
	}
}

// Otherwise the first failure after some waiting would already be one that the user must act on.
func TestFailuresAreCountedSinceTheActionWaited(t *testing.T) {
	failed, waits, silent := plan.Failure{Message: "no funds"}, plan.Failure{Message: "it waits", Passes: true}, plan.Failure{Passes: true}
	busy := plan.Failure{}
	for name, test := range map[string]struct {
		failures []plan.Failure
		count    int
	}{
		"one":                       {[]plan.Failure{failed}, 1},
		"several":                   {[]plan.Failure{failed, failed, failed}, 3},
		"after it waited":           {[]plan.Failure{waits, waits, failed}, 1},
		"after it waited in secret": {[]plan.Failure{silent, silent, failed, failed}, 2},
		"after it was busy":         {[]plan.Failure{busy, busy, busy, failed}, 1},
		"it is busy for long":       {[]plan.Failure{busy, busy, busy}, 3},
		"it is busy once":           {[]plan.Failure{failed, failed, busy}, 3},
		"it waits for long":         {[]plan.Failure{failed, waits, waits}, 2},
	} {
		s := newShared()
		for _, failure := range test.failures {
			s.report("open 0", &failure)
		}
		if got := s.failures["open 0"].Count; got != test.count {
			t.Errorf("%s: %d, want %d", name, got, test.count)
		}
	}
}

// A chain may be lost, and its blocks are mined again: node 0 has new blocks then, and node 1 does not wait for the old ones.
func TestAHeightAfterMiningCountsForItsOwnTime(t *testing.T) {
	s := newShared()
	s.setMined("uid", &plan.Mine{Bitcoin: 1}, 1, 500, now)
	if got := s.minedHeights("uid", now.Add(minedLifetime)); got[1] != 500 {
		t.Errorf("%v", got)
	}
	later := now.Add(time.Hour)
	s.setMined("uid", &plan.Mine{Bitcoin: 0}, 1, 101, later)
	if got := s.minedHeights("uid", later); len(got) != 1 || got[0] != 101 {
		t.Errorf("%v an hour later", got)
	}
}

func TestAHeightAfterMiningIsThatOfOneBitcoinNetwork(t *testing.T) {
	s := newShared()
	s.setMined("uid", &plan.Mine{Bitcoin: 1}, 1, 500, now)
	if got := s.minedHeights("other", now); len(got) != 0 {
		t.Errorf("%v", got)
	}
	s.setMined("other", &plan.Mine{Bitcoin: 0}, 1, 101, now)
	if got := s.minedHeights("other", now); len(got) != 1 || got[0] != 101 {
		t.Errorf("%v", got)
	}
	if got := s.minedHeights("uid", now); len(got) != 0 {
		t.Errorf("%v of the former one", got)
	}
}
