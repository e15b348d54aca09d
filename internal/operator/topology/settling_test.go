package topology

import (
	"fmt"
	"slices"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
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
// the end it waits for a minute, or for two seconds if it had nothing to dial.
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

// A mesh changes into another shape while its nodes dial the entries of their lists. Once the connections are the desired ones
// and the settling time is over, they stay so.
func TestNoConnectionComesBackAfterTheSettlingTime(t *testing.T) {
	early := 0
	for seed := range uint64(200) {
		s := newSimulator(t, seed, 3)
		s.scale(3 + s.rng.IntN(12))
		s.slow = true
		walkers := make([]walker, len(s.nodes))
		for i := range walkers {
			walkers[i].next = s.rng.IntN(2 * second)
		}
		s.reconcile(Desired(Spec{Type: v1.TopologyMesh, Nodes: len(s.nodes)}))
		now := 0
		for until := s.rng.IntN(6 * second); now < until; now++ {
			s.tick(walkers, now)
		}
		desired := Desired(Spec{Type: []v1.TopologyType{v1.TopologyLine, v1.TopologyStar, v1.TopologyRing}[s.rng.IntN(3)], Nodes: len(s.nodes)})
		t.Run(fmt.Sprintf("seed %d, %d nodes", seed, len(s.nodes)), func(t *testing.T) {
			seemed, quiet := false, 0
			for limit := now + 30*second; ; now++ {
				reports := s.reports()
				actions := Plan(desired, reports)
				for _, report := range reports {
					own := slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return a.Node != report.Ordinal })
					quiet = max(quiet, now+int(second*SettlingTime(desired, report, own)/time.Second))
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
					t.Fatalf("after half a minute calls are still planned: %v", texts(actions))
				}
				s.tick(walkers, now)
			}
			for range 70 * second {
				s.tick(walkers, now)
				now++
				if got := s.edges(); !slices.Equal(got, desired) {
					t.Fatalf("the network was in the desired state, and then unwanted connections existed: %v", without(got, desired))
				}
			}
		})
	}
	if early == 0 {
		t.Error("no connection came back during the settling time either: this test checks nothing")
	}
}

func TestANodeSettlesAfterItHasLostAnEntryForALiveNode(t *testing.T) {
	desired := Desired(Spec{Type: v1.TopologyLine, Nodes: 3})
	node := Node{Ordinal: 0, Added: []string{"10.0.0.2", "10.0.0.3", "10.0.0.9"}}
	for _, test := range []struct {
		name    string
		actions []Action
		want    time.Duration
	}{
		{"nothing is done", nil, 0},
		{"an entry without node is removed", []Action{{Kind: Remove, Peer: -1}}, 0},
		{"an entry for a neighbour is removed", []Action{{Kind: Remove, Peer: 1}}, 0},
		{"a node is dialled", []Action{{Kind: OneTry, Peer: 1}, {Kind: Add, Peer: 1}}, 0},
		{"an entry for a node that is no neighbour is removed", []Action{{Kind: Remove, Peer: 2}}, 2500 * time.Millisecond},
		{"and another one, whose address does not answer", []Action{{Kind: Remove, Peer: -1}, {Kind: Remove, Peer: 2}}, 7500 * time.Millisecond},
	} {
		if got := SettlingTime(desired, node, test.actions); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
