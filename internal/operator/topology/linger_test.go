package topology

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// walker is how far a node has come with its list.
type walker struct {
	// left are the entries of its copy that it has still to dial.
	left []string
	// next is when it dials the next one of them, or makes another copy; a time in ticks.
	next int
}

// second is how many ticks are one.
const second = 10

// tick lets a tenth of a second go by. Half a second after one entry of its copy, a node dials the next. When it has come to
// the end it waits for a minute, or for two seconds if there was nothing to dial.
func (s *simulator) tick(walkers []walker, now int) {
	for i, node := range s.nodes {
		w := &walkers[i]
		if now < w.next {
			continue
		}
		if len(w.left) == 0 {
			for _, e := range node.entries {
				if !s.isConnected(node, e.text) {
					w.left = append(w.left, e.text)
				}
			}
		}
		if len(w.left) == 0 {
			w.next = now + 2*second
			continue
		}
		s.dial(node, w.left[0], true)
		w.left = w.left[1:]
		w.next = now + second/2
		if len(w.left) == 0 {
			w.next = now + 60*second
		}
	}
	for _, c := range s.conns {
		c.fromShook, c.toShook = true, true
	}
}

// A mesh turns into another shape while its nodes are in the middle of their lists. What is as it should be, and nobody
// lingers, stays so.
func TestWhenNobodyLingersNoConnectionComesBack(t *testing.T) {
	early := 0
	for seed := range uint64(200) {
		s := newSimulator(t, seed, 3)
		s.scale(3 + s.rng.IntN(12))
		s.slow = true
		walkers := make([]walker, len(s.nodes))
		for i := range walkers {
			walkers[i].next = s.rng.IntN(2 * second)
		}
		s.look(Desired(Spec{Type: Mesh, Nodes: len(s.nodes)}))
		now := 0
		for until := s.rng.IntN(6 * second); now < until; now++ {
			s.tick(walkers, now)
		}
		desired := Desired(Spec{Type: []Type{Line, Star, Ring}[s.rng.IntN(3)], Nodes: len(s.nodes)})
		t.Run(fmt.Sprintf("seed %d, %d nodes", seed, len(s.nodes)), func(t *testing.T) {
			seemed, quiet := false, 0
			for limit := now + 30*second; ; now++ {
				reports := s.reports()
				actions := Plan(desired, reports)
				for _, report := range reports {
					own := slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return a.Node != report.Ordinal })
					quiet = max(quiet, now+int(second*Lingering(desired, report, own)/time.Second))
				}
				for _, action := range actions {
					s.call(action)
				}
				have, _ := Connected(desired, reports)
				right := len(actions) == 0 && have == len(desired)
				if right && now >= quiet {
					break
				}
				if seemed && !right {
					early++
				}
				seemed = right
				if now > limit {
					t.Fatalf("after half a minute there is still to do: %v", texts(actions))
				}
				s.tick(walkers, now)
			}
			for range 70 * second {
				s.tick(walkers, now)
				now++
				if got := s.edges(); !slices.Equal(got, desired) {
					t.Fatalf("all was as it should be, and then there were too many: %v", without(got, desired))
				}
			}
		})
	}
	if early == 0 {
		t.Error("nothing ever came back, not even before: this test shows nothing")
	}
}

func TestANodeLingersAfterItHasLostAnEntryForALiveNode(t *testing.T) {
	desired := Desired(Spec{Type: Line, Nodes: 3})
	node := Node{Ordinal: 0, Added: []string{"10.0.0.2", "10.0.0.3", "10.0.0.9"}}
	for _, test := range []struct {
		name    string
		actions []Action
		want    time.Duration
	}{
		{"nothing is done", nil, 0},
		{"an entry for nobody goes", []Action{{Kind: Remove, Peer: -1}}, 0},
		{"an entry for a neighbour goes", []Action{{Kind: Remove, Peer: 1}}, 0},
		{"somebody is dialled", []Action{{Kind: OneTry, Peer: 1}, {Kind: Add, Peer: 1}}, 0},
		{"one for somebody else goes", []Action{{Kind: Remove, Peer: 2}}, 2500 * time.Millisecond},
		{"and another, where nobody answers", []Action{{Kind: Remove, Peer: -1}, {Kind: Remove, Peer: 2}}, 7500 * time.Millisecond},
	} {
		if got := Lingering(desired, node, test.actions); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
