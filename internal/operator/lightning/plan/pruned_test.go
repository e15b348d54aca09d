package plan

import (
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LND keeps the short id of before the reorganisation at both ends, removes the channel from its graph, and never adds it again.
func TestAChannelThatIsInNoGraphAnyMoreIsClosedAndOpenedAgain(t *testing.T) {
	for name, channel := range map[string]v1.LightningChannel{
		"a public one": open(0, 1, 1_000_000), "a private one": {From: 0, To: 1, Capacity: 1_000_000, Count: 1, Private: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(3, channel, open(1, 2, 1_000_000)))
			l.ready()
			point, started, blocks := l.channels[0].Point, l.now, l.blocks
			l.net.Prune(point)
			p := l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
			if took := l.now.Sub(started); took < prunedAfter || took > prunedAfter+5*time.Second {
				t.Errorf("after %s", took)
			}
			if c := p.Close[0]; len(p.Close) != 1 || c.Point != point || !c.Force {
				t.Errorf("%+v", p.Close)
			}
			reasonOf(t, p, v1.LightningReasonChannelsStale, "no graph has the channel any more")
			if l.blocks != blocks {
				t.Errorf("%d blocks were mined for a channel that is in no graph", l.blocks-blocks)
			}
			l.ready()
			l.once(3)
			l.routable()
		})
	}
}

func TestAChannelThatIsNotInTheGraphYetIsNotClosed(t *testing.T) {
	for name, change := range map[string]func(*Inputs){
		"one end has it":                    func(in *Inputs) { in.Nodes[1].State.Channels[0].NotInGraph = false },
		"the opener has it":                 func(in *Inputs) { in.Nodes[0].State.Channels[0].NotInGraph = false },
		"its block is new":                  func(in *Inputs) { in.Nodes[1].State.Info.Height = 1 },
		"an end does not report its height": func(in *Inputs) { in.Nodes[0].State.Info = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.net.Prune(l.channels[0].Point)
			l.change = change
			for range int(2 * prunedAfter / time.Second) {
				if p := l.step(); len(p.Close) > 0 || p.ChannelsActive.Met {
					t.Fatalf("%+v", p)
				}
			}
		})
	}
}

// Both ends have disabled their policies, for instance since they were disconnected. A private channel is never announced.
func TestAChannelWithDisabledPoliciesIsNotClosed(t *testing.T) {
	l := newSimulation(t, 1, line(2, v1.LightningChannel{From: 0, To: 1, Capacity: 1_000_000, Count: 1, Private: true}))
	l.ready()
	l.change = func(in *Inputs) {
		for _, n := range in.Nodes {
			n.State.Channels[0].Policies = 0
		}
	}
	for range int(2 * prunedAfter / time.Second) {
		if p := l.step(); len(p.Close) > 0 || p.ChannelsActive.Met {
			t.Fatalf("%+v", p)
		}
	}
}
