package topology

import (
	"fmt"
	"slices"
	"testing"
)

// settle looks again and again, two seconds apart, until nothing is left to do, and
// checks what there is then. It fails after too many looks.
func settle(t *testing.T, s *simulator, desired []Edge, looks int) {
	t.Helper()
	for look := 1; ; look++ {
		calls := s.look(desired)
		if s.lost == 0 {
			checkLimit(t, s)
		}
		have, _ := Connected(desired, s.reports())
		if calls == 0 && have == len(desired) {
			break
		}
		if look >= looks {
			t.Fatalf("after %d looks there are %d of %d connections, and %d calls to make: %v",
				look, have, len(desired), calls, texts(Plan(desired, s.reports())))
		}
		s.pass()
	}
	// What was taken for a connection may have been the remains of one on both sides.
	for s.halfOpen() {
		s.pass()
		s.look(desired)
	}
	s.pass()
	s.look(desired)
	checkSettled(t, s, desired)
	// Nor does anything come up later, when bitcoind has tried every entry again.
	for range 35 {
		s.pass()
		if actions := Plan(desired, s.reports()); len(actions) != 0 {
			t.Fatalf("all was as it should be, and now there is more to do: %v", texts(actions))
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

func ownEntries(node *simNode) []string {
	var own []string
	for _, entry := range node.entries {
		if parseEndpoint(entry.text).bare {
			own = append(own, entry.text)
		}
	}
	slices.Sort(own)
	return own
}

// checkSettled checks that there are exactly the desired connections, and exactly the
// list entries that belong to them.
func checkSettled(t *testing.T, s *simulator, desired []Edge) {
	t.Helper()
	if got := s.edges(); !slices.Equal(got, desired) {
		t.Fatalf("missing %v, too many %v", without(desired, got), without(got, desired))
	}
	for i, listed := range listsOf(len(s.nodes), desired) {
		var want []string
		for _, j := range listed {
			want = append(want, s.nodes[j].addr.String())
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
			if !parseEndpoint(entry.text).bare {
				texts = append(texts, fmt.Sprint(node.ordinal, entry.text))
			}
		}
	}
	return texts
}
