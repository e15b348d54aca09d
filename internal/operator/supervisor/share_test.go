package supervisor

import (
	"testing"
	"time"
)

func TestThePodsOfAGroupShareItsNodes(t *testing.T) {
	for _, test := range []struct{ nodes, ordinal, perPod, want int }{
		{10, 0, 4, 4}, {10, 1, 4, 4}, {10, 2, 4, 2}, {10, 3, 4, 0}, {8, 1, 4, 4}, {1, 0, 250, 1}, {0, 0, 4, 0},
	} {
		if got := shareOf(test.nodes, test.ordinal, test.perPod); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestTheNewestTargetCounts(t *testing.T) {
	file := func(revision int64) target { return target{Nodes: 1, Revision: revision} }
	request := func(revision int64) target { return target{Nodes: 2, Revision: revision, Requested: true} }
	for name, test := range map[string]struct {
		current, candidate target
		want               bool
	}{
		"the first file":                             {target{}, file(1), true},
		"a newer file":                               {file(1), file(2), true},
		"the same file":                              {file(2), file(2), true},
		"a stale file":                               {request(3), file(2), false},
		"the file of a request":                      {request(3), file(3), false},
		"a file that is newer than the request":      {request(3), file(4), true},
		"a request before its file":                  {file(1), request(2), true},
		"a request after its file":                   {file(2), request(2), true},
		"a request to delete data":                   {request(2), target{Nodes: 2, Revision: 2, Requested: true, Forget: true}, true},
		"another number for the same revision":       {request(2), request(2), true},
		"the request of an operator that was slow":   {request(3), request(2), false},
		"a request that is older than the ConfigMap": {file(3), request(2), false},
	} {
		if got := test.candidate.supersedes(test.current); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheDelayBeforeARestartGrows(t *testing.T) {
	var delay time.Duration
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if delay = nextDelay(delay, 59*time.Second); delay != want*time.Second {
			t.Errorf("restart %d after %v", i, delay)
		}
	}
	if got := nextDelay(delay, time.Minute); got != time.Second {
		t.Errorf("after a minute: %v", got)
	}
}
