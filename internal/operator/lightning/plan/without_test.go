package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The other end has forgotten the channel, and then its funding transaction appears.
func TestAChannelThatOnlyItsOpenerHasIsClosedAndOpenedAgain(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.until("opening", func(p Plan) bool { return len(p.Channels) > 0 && p.Channels[0].State == v1.LightningChannelOpening })
	point := l.channels[0].Point
	if message := l.nodes[1].Abandon(point); message != "" {
		t.Fatal(message)
	}
	p := l.until("open at one end", func(Plan) bool { row := l.row(point); return row != nil && row.ShortID != "" })
	started := l.now
	reasonOf(t, p, v1.LightningReasonChannelsStale, "0–1 (node 1 does not have the channel)")
	p = l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
	if took := l.now.Sub(started); took < staleAfter || took > staleAfter+5*time.Second {
		t.Errorf("after %s", took)
	}
	if c := p.Close[0]; len(p.Close) != 1 || c.Node != 0 || c.Point != point || !c.Force {
		t.Errorf("%+v", p.Close)
	}
	l.ready()
	l.once(2)
}

func TestOneListWithoutAChannelIsNoProof(t *testing.T) {
	hide := func(in *Inputs) { in.Nodes[1].State.Channels = []api.Channel{} }
	for name, change := range map[string]func(*simulation, *Inputs){
		"for a short time": func(l *simulation, in *Inputs) {
			if l.now.Unix()%5 > 0 {
				hide(in)
			}
		},
		"on another block": func(_ *simulation, in *Inputs) {
			hide(in)
			in.Nodes[1].State.Info.BlockHash = "another"
		},
		"without its block": func(_ *simulation, in *Inputs) {
			hide(in)
			in.Nodes[1].State.Info = nil
		},
		"without its channels": func(_ *simulation, in *Inputs) { in.Nodes[1].State.Channels = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			row := slices.Clone(l.channels)
			l.change = func(in *Inputs) { change(l, in) }
			for range 60 {
				if p := l.step(); len(p.Close)+len(p.Open) > 0 {
					t.Fatalf("%+v", p)
				}
			}
			if l.row(row[0].Point) == nil {
				t.Errorf("no trace of it: %+v", l.channels)
			}
		})
	}
}

// One answer that is missing starts no time again.
func TestAChannelThatOnlyItsOpenerHasIsClosedThoughAnswersAreMissing(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.change = func(in *Inputs) {
		if l.now.Unix()%3 > 0 {
			in.Nodes[1].State = nil
		} else {
			in.Nodes[1].State.Channels = []api.Channel{}
		}
	}
	started := l.now
	p := l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
	if took := l.now.Sub(started); !p.Close[0].Force || took < staleAfter || took > staleAfter+5*time.Second {
		t.Errorf("%+v after %s", p.Close, took)
	}
}
