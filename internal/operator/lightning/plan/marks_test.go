package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

func TestAnAnswerThatIsMissingStartsNoTimeAgain(t *testing.T) {
	for name, silent := range map[string]func(*Node){
		"it answers":                   func(*Node) {},
		"the opener does not answer":   func(n *Node) { n.State = nil },
		"the opener lists no channels": func(n *Node) { n.State.Channels = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000), open(0, 1, 2_000_000)))
			l.ready()
			l.nodes[0].Reject("close", "the peer is offline")
			l.spec.Channels = l.spec.Channels[:1]
			started := l.now
			l.change = func(in *Inputs) {
				if passed := l.now.Sub(started); passed > 40*time.Second && passed < 45*time.Second {
					silent(&in.Nodes[0])
				}
			}
			l.until("closed by force", func(p Plan) bool { return len(p.Close) > 0 && p.Close[0].Force })
			if took := l.now.Sub(started); took > 65*time.Second {
				t.Errorf("after %s, want a minute", took)
			}
		})
	}
}

// Two observations with a long silence between them do not prove that it was so in the meantime.
func TestALongSilenceIsNoObservation(t *testing.T) {
	for name, test := range map[string]struct {
		silence int
		observe func(*simulation)
		after   time.Duration
	}{
		"of a channel in no graph":                     {40, func(l *simulation) { l.net.Prune(l.channels[0].Point) }, prunedAfter},
		"of a channel with two short ids":              {20, func(l *simulation) { l.nodes[1].SetShortID(l.channels[0].Point, "324x1x0") }, staleAfter},
		"of a channel without an opener":               {20, func(l *simulation) { l.replace(0) }, otherAfter},
		"of a channel whose other end has another key": {20, func(l *simulation) { l.replace(1) }, otherAfter},
		"of a channel that its other end does not have": {20, func(l *simulation) {
			l.change = func(in *Inputs) {
				if other := in.Nodes[1].State; other != nil {
					other.Channels = []api.Channel{}
				}
			}
		}, staleAfter},
	} {
		for _, passes := range []int{1, test.silence} {
			t.Run(fmt.Sprint(name, ", in ", passes, " passes"), func(t *testing.T) {
				l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
				l.ready()
				point := l.channels[0].Point
				test.observe(l)
				l.step()
				l.silent[0], l.silent[1] = true, true
				for range passes {
					l.step()
				}
				l.now = l.now.Add(time.Duration(test.silence-passes) * time.Second)
				l.silent[0], l.silent[1] = false, false
				started := l.now
				l.until("closed", func(p Plan) bool {
					return slices.ContainsFunc(p.Close, func(c Close) bool { return c.Point == point && c.Force })
				})
				if took := l.now.Sub(started); took < test.after || took > test.after+5*time.Second {
					t.Errorf("after %s, want %s", took, test.after)
				}
			})
		}
	}
}

// Blocks come all the time, so that the ends are often on different ones.
func TestAStaleChannelIsClosedBetweenTwoBlocks(t *testing.T) {
	for name, change := range map[string]func(*simulation, *Inputs){
		"on the same block": func(*simulation, *Inputs) {},
		"on the same block every third time": func(l *simulation, in *Inputs) {
			if l.now.Unix()%3 > 0 {
				in.Nodes[1].State.Info.BlockHash = "another"
			}
		},
		"an end does not answer at times": func(l *simulation, in *Inputs) {
			if l.now.Unix()%3 > 0 {
				in.Nodes[1].State = nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.nodes[1].SetShortID(l.channels[0].Point, "324x1x0")
			l.change = func(in *Inputs) { change(l, in) }
			started := l.now
			p := l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
			if took := l.now.Sub(started); !p.Close[0].Force || took < staleAfter || took > staleAfter+5*time.Second {
				t.Errorf("%+v after %s", p.Close, took)
			}
		})
	}
}

func TestMarksOfNodesThatAnswerAreForgotten(t *testing.T) {
	l := newSimulation(t, 1, line(2))
	l.ready()
	l.since[channelMark(markClosing, 0, 1, "a:0")] = l.now
	l.since["funding"] = l.now
	l.since[channelMark(markStale, 0, 7, "b:0")] = l.now
	if p := l.step(); len(p.Marks) > 0 {
		t.Errorf("%v", p.Marks)
	}
}
