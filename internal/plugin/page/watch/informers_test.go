package watch

import (
	"errors"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
)

// A page with the beginning of time as the moment until which its values were true would be wrong, and so would one with that of other values.
func TestValuesThatHaveNeverArrivedHaveNoTime(t *testing.T) {
	var since time.Time
	var reported error
	w := &Watcher{
		Cluster: &cluster.Client{Namespace: "ns"}, failures: map[string]error{}, confirmed: map[string]time.Time{},
		Reachable: func(err error, at time.Time) { reported, since = err, at },
	}
	w.report(t.Context(), "pods", nil)
	arrived := w.confirmed["pods"]
	w.report(t.Context(), "pods", errors.New("reset"))
	if reported == nil || !since.Equal(arrived) || since.IsZero() {
		t.Errorf("since %v, %v", since, reported)
	}
	for _, resource := range []string{"events", "bitcoinnetworks", "pods"} {
		if w.report(t.Context(), resource, errors.New("reset")); reported == nil || !since.IsZero() {
			t.Errorf("after a failure of %s since %v, %v", resource, since, reported)
		}
	}
	w.report(t.Context(), "events", nil)
	w.report(t.Context(), "bitcoinnetworks", nil)
	if !since.Equal(arrived) {
		t.Errorf("when others have arrived since %v", since)
	}
	if w.report(t.Context(), "pods", nil); reported != nil {
		t.Error(reported)
	}
}
