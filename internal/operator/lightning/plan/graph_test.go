package plan

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Two parts that no channel connects, a node without channels, and a private channel.
func partsSpec() v1.LightningNetworkSpec {
	return line(7, open(0, 1, 1_000_000), open(1, 2, 1_000_000), open(3, 4, 1_000_000), v1.LightningChannel{From: 4, To: 5, Capacity: 50_000, Private: true})
}

func TestChannelsAreActiveWhenAllNodesKnowThem(t *testing.T) {
	for name, test := range map[string]struct {
		spec v1.LightningNetworkSpec
		deaf int
		// text is in the message while the node is deaf, "" if the network becomes ready all the same.
		text string
	}{
		"the end of a line":             {line(4, open(0, 1, 1_000_000), open(1, 2, 1_000_000), open(2, 3, 1_000_000)), 3, "node 3 (0–1, 1–2)"},
		"its own channels need none":    {line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000)), 1, ""},
		"of its own part only":          {partsSpec(), 0, "node 0 (1–2)"},
		"behind a private channel":      {partsSpec(), 5, "node 5 (3–4)"},
		"a private channel has no need": {partsSpec(), 3, ""},
		"a node without channels":       {partsSpec(), 6, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, test.spec)
			l.nodes[test.deaf].Gossip(false)
			if test.text == "" {
				l.ready()
				return
			}
			p := l.until("waiting for the graph only", func(p Plan) bool { return p.ChannelsActive.Reason == v1.LightningReasonGraphIncomplete })
			for range 20 {
				p = l.step()
			}
			if p.ChannelsActive.Met || p.Active != len(p.Channels) || p.Stalled != nil || p.Mine != nil {
				t.Errorf("%+v", p)
			}
			reasonOf(t, p, v1.LightningReasonGraphIncomplete, test.text)
			if strings.Count(p.ChannelsActive.Message, "node ") != 1 {
				t.Errorf("other nodes are named: %s", p.ChannelsActive.Message)
			}
			l.nodes[test.deaf].Gossip(true)
			l.ready()
			l.once(len(p.Channels))
		})
	}
}

// The operator waits less long when something has changed.
func TestWhatNodesLearnIsProgress(t *testing.T) {
	l := newSimulation(t, 1, line(4, open(0, 1, 1_000_000), open(1, 2, 1_000_000), open(2, 3, 1_000_000)))
	l.nodes[0].Gossip(false)
	l.nodes[3].Gossip(false)
	incomplete := func(p Plan) bool { return p.ChannelsActive.Reason == v1.LightningReasonGraphIncomplete }
	l.until("waiting for the graph only", incomplete)
	for range 3 {
		l.step()
	}
	if p := l.step(); p.Known != 3*4-2*2 {
		t.Errorf("two ends of a line know %d: %+v", p.Known, p.ChannelsActive)
	}
	l.nodes[0].Gossip(true)
	l.until("one node knows more", func(p Plan) bool { return incomplete(p) && p.Known == 3*4-2 })
	l.nodes[3].Gossip(true)
	if p := l.ready(); p.Known != 3*4 {
		t.Errorf("all know %d", p.Known)
	}
}

// A node that lost its wallet has lost its graph as well, and the other ends of its channels have new ones.
func TestAfterALossAllNodesKnowTheNewChannels(t *testing.T) {
	l := newSimulation(t, 1, line(4, open(0, 1, 1_000_000), open(1, 2, 1_000_000), open(2, 3, 1_000_000)))
	l.ready()
	l.nodes[2].Stop()
	l.nodes[2] = l.net.Start(l.chainOf(2))
	l.now = l.now.Add(time.Second)
	l.until("not ready", func(p Plan) bool { return !isReady(p) })
	l.ready()
	l.routable()
}

// routable fails unless each node knows all open channels of the network.
func (l *simulation) routable() {
	l.Helper()
	for i, n := range l.nodes {
		known := " " + strings.Join(n.Graph(), " ") + " "
		for _, c := range l.channels {
			if c.State == v1.LightningChannelActive && !c.Private && !strings.Contains(known, " "+c.ShortID+" ") {
				l.Errorf("ready, and node %d does not know %s: %s", i, c.ShortID, known)
			}
		}
	}
}
