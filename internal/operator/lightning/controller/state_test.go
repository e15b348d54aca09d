package controller

import (
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
)

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
		"blocks were mined":     {func(s *shared) { s.setMined(&plan.Mine{}, 1, 1, started.Add(-time.Second)) }, func(*shared) {}, false, false},
		"blocks are mined then": {func(*shared) {}, func(s *shared) { s.setMined(&plan.Mine{}, 1, 1, started.Add(time.Second)) }, false, true},
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
