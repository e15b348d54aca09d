package topology

import (
	"fmt"
	"slices"
	"testing"
)

// settle reconciles every two seconds until nothing is left to do, and checks the
// result. It fails after limit reconciles.
func settle(t *testing.T, s *simulator, desired []Edge, limit int) {
	t.Helper()
	for passes := 1; ; passes++ {
		calls := s.reconcile(desired)
		if s.lost == 0 {
			checkLimit(t, s)
		}
		have, _ := Connected(desired, s.reports())
		if calls == 0 && have == len(desired) {
			break
		}
		if passes >= limit {
			t.Fatalf("after %d reconciles %d of %d connections exist, and %d calls are planned: %v",
				passes, have, len(desired), calls, texts(Plan(desired, s.reports())))
		}
		s.pass()
	}
	// A counted connection may have been half-open on both sides.
	for s.halfOpen() {
		s.pass()
		s.reconcile(desired)
	}
	s.pass()
	s.reconcile(desired)
	checkSettled(t, s, desired)
	// Nothing is planned later either, when bitcoind has tried every entry again.
	for range 35 {
		s.pass()
		if actions := Plan(desired, s.reports()); len(actions) != 0 {
			t.Fatalf("the network was in the desired state, and now more calls are planned: %v", texts(actions))
		}
	}
	checkSettled(t, s, desired)
}

// checkLimit checks that nobody has more entries of ours than bitcoind connects to.
func checkLimit(t *testing.T, s *simulator) {
	t.Helper()
	for _, node := range s.nodes {
		if entries := ownEntries(node); !node.silent && len(entries) > maxListed {
			t.Fatalf("node %d lists %v", node.ordinal, entries)
		}
	}
}

func isOperators(node *simNode, entry string) bool {
	end := parseEndpoint(entry)
	return end.bare || node.shared && end.addr.IsValid() && isNodePort(end.dials().Port())
}

func ownEntries(node *simNode) []string {
	var own []string
	for _, entry := range node.entries {
		if isOperators(node, entry.text) {
			own = append(own, entry.text)
		}
	}
	slices.Sort(own)
	return own
}

// checkSettled checks that exactly the desired connections exist, and exactly the
// list entries that belong to them.
func checkSettled(t *testing.T, s *simulator, desired []Edge) {
	t.Helper()
	if got := s.edges(); !slices.Equal(got, desired) {
		t.Fatalf("missing %v, too many %v", without(desired, got), without(got, desired))
	}
	for i, listed := range listsOf(len(s.nodes), desired) {
		var want []string
		for _, j := range listed {
			want = append(want, s.nodes[j].target())
		}
		slices.Sort(want)
		if got := ownEntries(s.nodes[i]); !slices.Equal(got, want) {
			t.Fatalf("node %d lists %v, want %v", i, got, want)
		}
	}
	reports := s.reports()
	if got := Observe(reports); !slices.Equal(got, desired) {
		t.Fatalf("observed %v, want %v", got, desired)
	}
	if have, missing := Connected(desired, reports); have != len(desired) || len(missing) > 0 {
		t.Fatalf("%d connections, %v missing", have, missing)
	}
}

func userEntries(s *simulator) []string {
	var texts []string
	for _, node := range s.nodes {
		for _, entry := range node.entries {
			if !isOperators(node, entry.text) {
				texts = append(texts, fmt.Sprint(node.ordinal, entry.text))
			}
		}
	}
	return texts
}
