package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// replace a node by one with another wallet.
func (l *simulation) replace(node int) {
	l.nodes[node].Stop()
	l.nodes[node] = l.net.Start(l.chainOf(node))
}

// row of a channel, nil for none.
func (l *simulation) row(point string) *v1.LightningChannelStatus {
	if at := slices.IndexFunc(l.channels, func(c v1.LightningChannelStatus) bool { return c.Point == point }); at >= 0 {
		return &l.channels[at]
	}
	return nil
}

// closedByForce makes steps until the end of a channel is closed by force there, and until nobody lists it as open; no step before may be Ready.
func (l *simulation) closedByForce(node int, point string) {
	l.Helper()
	l.until("closed", func(p Plan) bool {
		if l.row(point) == nil || isReady(p) {
			l.Fatalf("no trace of it, or ready: %+v", p)
		}
		return slices.ContainsFunc(p.Close, func(c Close) bool { return c.Node == node && c.Point == point && c.Force })
	})
	l.ready()
	for _, c := range l.nodes[node].State().Channels {
		if c.Point == point && isUnsettled(c) {
			l.Errorf("ready with %+v", c)
		}
	}
}

func TestALostChannelIsRememberedWhileItsOtherEndDoesNotAnswer(t *testing.T) {
	for name, hide := range map[string]func(*simulation){
		"the other end does not answer":              func(l *simulation) { l.silent[1] = true },
		"the other end does not report its channels": func(l *simulation) { l.change = func(in *Inputs) { in.Nodes[1].State.Channels = nil } },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			point := l.channels[0].Point
			l.replace(0)
			hide(l)
			for range 3 {
				p := l.step()
				if c := l.row(point); c == nil || c.State != v1.LightningChannelForceClosing || c.Message == "" || len(p.Open)+len(p.Close) > 0 {
					t.Fatalf("%+v", p)
				}
			}
			l.silent[1], l.change = false, nil
			l.closedByForce(1, point)
		})
	}
}

// The node that opened a channel has lost it, and only the status has whose it is.
func TestWhatIsLeftOfALostChannelIsClosed(t *testing.T) {
	three := line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000))
	for name, test := range map[string]struct {
		at   int
		lose func(*simulation)
	}{
		"its entry is removed while the opener is lost": {1, func(l *simulation) {
			l.silent[0] = true
			l.step()
			l.spec.Channels = l.spec.Channels[1:]
			l.step()
			l.replace(0)
			l.silent[0] = false
		}},
		"its entry is removed at once": {1, func(l *simulation) {
			l.spec.Channels = l.spec.Channels[1:]
			l.replace(0)
		}},
		"the claim is lost while the network has no nodes": {1, func(l *simulation) {
			nodes := l.nodes
			l.spec.Nodes, l.nodes = 0, nil
			for range 3 {
				l.step()
			}
			l.restart()
			l.spec.Nodes, l.nodes = 3, nodes
			l.replace(0)
		}},
		"its opener is removed, and does not answer": {0, func(l *simulation) {
			l.spec.Channels = append(l.spec.Channels, open(2, 0, 1_000_000))
			l.ready()
			l.nodes[2].Stop()
			l.spec.Nodes, l.spec.Channels, l.nodes = 2, l.spec.Channels[:1], l.nodes[:2]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, three)
			l.spec.Channels = slices.Clone(three.Channels)
			l.ready()
			point := l.channels[0].Point
			test.lose(l)
			if test.at == 0 {
				point = l.channels[2].Point
			}
			l.closedByForce(test.at, point)
		})
	}
}

func TestAChannelWhoseOpenerIsLostBeforeABlockIsClosed(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	p := l.until("opened", func(p Plan) bool { return len(p.Open) > 0 })
	l.change = func(in *Inputs) { in.Busy[KeyMine] = true }
	l.step()
	if len(l.channels) != 1 || l.channels[0].State != v1.LightningChannelOpening || p.Active != 0 {
		t.Fatalf("%+v", l.channels)
	}
	point := l.channels[0].Point
	l.replace(0)
	l.step()
	l.change = nil
	l.closedByForce(1, point)
	if len(l.net.Opened()) != 1 || l.actives() != 1 {
		t.Errorf("%v, %d active", l.net.Opened(), l.actives())
	}
}

// A wallet of before may still have the channel of a status, and an end may know of a close for longer than the other.
func TestAChannelThatIsClosedIsNotTakenForALostOne(t *testing.T) {
	l := newSimulation(t, 2, line(2, open(0, 1, 1_000_000), open(0, 1, 50_000)))
	l.ready()
	point := l.channels[1].Point
	l.spec.Channels = l.spec.Channels[:1]
	l.change = func(in *Inputs) {
		n := in.Nodes[0].State
		n.Channels = slices.DeleteFunc(n.Channels, func(c api.Channel) bool {
			return c.Point == point && c.State == api.WaitingClose && l.now.Unix()%2 == 0
		})
	}
	l.until("ready", func(p Plan) bool {
		if c := l.row(point); c != nil && (c.State == v1.LightningChannelForceClosing || c.Message != "") {
			t.Fatalf("%+v", c)
		}
		for _, c := range p.Close {
			if c.Force {
				t.Fatalf("%+v", c)
			}
		}
		return isReady(p)
	})
}

// One answer with another key, of whatever node, must not cost all channels.
func TestAnotherKeyMustLastBeforeAForcedClose(t *testing.T) {
	for name, lost := range map[string]int{"of the opener": 0, "of the other end": 1} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			foreign := l.net.Start(l.chainOf(0))
			l.change = func(in *Inputs) {
				state := foreign.State()
				in.Nodes[lost].State = &state
			}
			for range 2 {
				if p := l.step(); len(p.Close) > 0 || isReady(p) || p.RecheckIn == 0 {
					t.Fatalf("%+v", p)
				}
			}
			l.change = nil
			l.ready()
			l.once(1)
		})
	}
}

func TestANetworkThatIsCreatedAgainHasItsChannels(t *testing.T) {
	l := newSimulation(t, 1, line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000)))
	l.ready()
	l.uid, l.channels, l.synced = strings.Replace(uid, "7d2c", "81a0", 1), nil, false
	l.restart()
	l.ready()
	l.once(2)
	// Those that are not declared any more are closed, and a new one has the new UID.
	l.spec.Channels = []v1.LightningChannel{open(0, 1, 1_000_000), open(1, 2, 50_000)}
	l.ready()
	if opened := l.net.Opened(); opened[l.uid+"/1-2-0"] != 1 || l.actives() != 2 {
		t.Errorf("%v, %d active", opened, l.actives())
	}
}

func TestAChannelIsClosedByForceOnlyAfterAnAttemptWithTheOtherEnd(t *testing.T) {
	for name, hide := range map[string]func(*Inputs){
		"it is not open for long":           func(in *Inputs) { in.Nodes[0].State.Channels[0].State = api.PendingOpen },
		"its opener is not active for long": func(in *Inputs) { in.Nodes[0].State.LND = api.LNDSyncing },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.spec.Channels = nil
			hidden := l.now.Add(5 * time.Minute)
			l.change = func(in *Inputs) {
				l.mined.For = map[string]Minings{in.Nodes[0].State.Channels[0].Point: {Blocks: maxBlocksFor - 1}}
				if l.now.Before(hidden) {
					hide(in)
				}
			}
			for l.now.Before(hidden) {
				if p := l.step(); len(p.Close) > 0 {
					t.Fatalf("%+v", p.Close)
				}
			}
			if p := l.step(); len(p.Close) != 1 || p.Close[0].Force {
				t.Errorf("%+v", p.Close)
			}
		})
	}
}

func TestAForcedCloseIsReportedAsOneBeforeItsBlock(t *testing.T) {
	for name, forced := range map[string]bool{"of both ends": false, "of one end": true} {
		l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
		l.ready()
		point := l.channels[0].Point
		l.nodes[0].Close(point, forced)
		l.change = func(in *Inputs) { in.Busy[KeyMine] = true }
		l.step()
		if c := l.row(point); c == nil || (c.State == v1.LightningChannelForceClosing) != forced {
			t.Errorf("%s: %+v", name, l.channels)
		}
	}
}

func TestClosedChannelsHaveAFewRowsOnly(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.change = func(in *Inputs) {
		for i := range 300 {
			c := api.Channel{Memo: memo{0, 1, i, 0}.text(uid), Point: strings.Repeat("x", i+1) + ":0", State: api.ForceClosing, Initiator: true}
			in.Nodes[0].State.Channels = append(in.Nodes[0].State.Channels, c)
		}
	}
	if p := l.step(); len(p.Channels) != 1+maxClosedRows || !isReady(p) {
		t.Errorf("%d rows: %+v", len(p.Channels), p.ChannelsActive)
	}
}
