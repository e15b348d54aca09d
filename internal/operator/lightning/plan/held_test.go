package plan

import (
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestALostChannelIsRememberedWhileItsOtherEndDoesNotAnswer(t *testing.T) {
	for name, hide := range map[string]func(*simulation){
		"the other end does not answer":              func(l *simulation) { l.silent[1] = true },
		"the other end does not report its channels": func(l *simulation) { l.change = func(in *Inputs) { in.Nodes[1].State.Channels = nil } },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			point := l.channels[0].Point
			l.nodes[0].Stop()
			l.nodes[0] = l.net.Start(l.chainOf(0))
			hide(l)
			for range 3 {
				p := l.step()
				if c := p.Channels[0]; c.Point != point || c.State != v1.LightningChannelMissing || c.Message == "" || len(p.Open)+len(p.Close) > 0 {
					t.Fatalf("%+v", p)
				}
			}
			l.silent[1], l.change = false, nil
			p := l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
			if c := p.Close[0]; c.Node != 1 || c.Point != point || !c.Force {
				t.Errorf("%+v", c)
			}
			l.ready()
		})
	}
}
