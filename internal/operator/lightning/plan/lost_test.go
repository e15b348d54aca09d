package plan

import (
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// After a reorganisation both ends report the channel as active, and nobody can pay.
func TestAChannelWithTwoShortIDsIsReplaced(t *testing.T) {
	l := newSimulation(t, 2, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.nodes[1].SetShortID(l.channels[0].Point, "324x1x0")
	started := l.now
	p := l.step()
	reasonOf(t, p, v1.LightningReasonChannelsStale, "324x1x0")
	if len(p.Close) > 0 || p.Active != 0 {
		t.Fatalf("at once: %+v", p)
	}
	p = l.until("closed by force", func(p Plan) bool { return len(p.Close) > 0 })
	if c := p.Close[0]; !c.Force || c.Node != 0 || l.now.Sub(started) < staleAfter {
		t.Errorf("%+v after %s", c, l.now.Sub(started))
	}
	l.ready()
	if opened := l.net.Opened(); len(opened) != 2 || opened[uid+"/0-1-0~1"] != 1 {
		t.Errorf("%v", opened)
	}
}

// While the ends are on different blocks, one of them may still process the reorganisation.
func TestShortIDsOnDifferentBlocksAreNoProof(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.nodes[1].SetShortID(l.channels[0].Point, "324x1x0")
	l.change = func(in *Inputs) { in.Nodes[1].State.Info.BlockHash = "another" }
	for range 30 {
		if p := l.step(); p.ChannelsActive.Met || len(p.Close) > 0 {
			t.Fatalf("%+v", p)
		}
	}
}

func TestALostNodeGetsItsChannelsAgain(t *testing.T) {
	for name, lost := range map[string]int{"that opened the channel": 0, "at the other end": 1} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.nodes[lost].Stop()
			l.nodes[lost] = l.net.Start(l.chainOf(lost))
			forced := false
			p := l.until("ready again", func(p Plan) bool {
				for _, c := range p.Close {
					forced = forced || c.Force && c.Node == 1-lost
				}
				return forced && isReady(p)
			})
			if p.Active != 1 || p.Channels[0].State != v1.LightningChannelActive {
				t.Errorf("%+v", p.Channels)
			}
		})
	}
}

func TestANodeThatComesBackHasItsChannels(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.nodes[1].Stop()
	l.silent[1] = true
	p := l.step()
	reasonOf(t, p, v1.LightningReasonWaiting, "node 1")
	if p.Channels[0].State != v1.LightningChannelInactive || p.Channels[0].Point == "" || len(p.Close)+len(p.Open) > 0 {
		t.Errorf("%+v", p)
	}
	for range 100 {
		l.step()
	}
	l.silent[1] = false
	l.nodes[1].Resume(l.chainOf(1))
	l.ready()
	l.once(1)
}

// A channel serves one of several equal ones.
func TestALostOneOfEqualChannelsIsOpenedAgain(t *testing.T) {
	l := newSimulation(t, 1, line(2, v1.LightningChannel{From: 0, To: 1, Capacity: 50_000, Count: 3}))
	l.ready()
	l.change = func(in *Inputs) {
		for i := range in.Nodes {
			in.Nodes[i].State.Channels = in.Nodes[i].State.Channels[1:]
		}
	}
	if p := New(l.inputs()); p.Active != 2 || len(p.Open) != 1 || len(p.Open[0].Channels) != 1 || p.ChannelsActive.Met {
		t.Errorf("%+v", p)
	}
}

func TestBothEndsMustKnowAChannel(t *testing.T) {
	whole := api.Channel{ShortID: "1x1x0", Policies: 2, Announced: true}
	for name, test := range map[string]struct {
		change func(a, other *api.Channel)
		active bool
	}{
		"nothing is missing":               {func(*api.Channel, *api.Channel) {}, true},
		"the opener has no id":             {func(a, _ *api.Channel) { a.ShortID = "" }, false},
		"the opener lacks a policy":        {func(a, _ *api.Channel) { a.Policies = 1 }, false},
		"the other end lacks a policy":     {func(_, other *api.Channel) { other.Policies = 1 }, false},
		"the opener has not announced it":  {func(a, _ *api.Channel) { a.Announced = false }, false},
		"the other has not announced it":   {func(_, other *api.Channel) { other.Announced = false }, false},
		"a private one is never announced": {func(a, other *api.Channel) { a.Private, a.Announced, other.Announced = true, false, false }, true},
	} {
		a, other := whole, whole
		test.change(&a, &other)
		if state, message := announced(a, other); (state == v1.LightningChannelActive) != test.active || (message == "") != test.active {
			t.Errorf("%s: %s %q", name, state, message)
		}
	}
}

func TestRetriesOfAFailingActionBecomeRare(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.mine(0, 1, l.wallet(0))
	l.mine(0, 100, "")
	l.nodes[0].Reject("open", "no")
	attempts := 0
	for range 300 {
		attempts += len(l.step().Open)
	}
	if attempts < 10 || attempts > 20 {
		t.Errorf("%d attempts in five minutes", attempts)
	}
}

// A node that cannot start keeps the others waiting for a short time only.
func TestNodesWaitForEachOtherWithTheirCoins(t *testing.T) {
	l := newSimulation(t, 1, line(3, open(0, 1, 1_000_000), open(2, 1, 1_000_000)))
	l.mine(0, 1, "")
	l.silent[2] = true
	started := l.now
	p := l.until("coins", func(p Plan) bool { return p.Mine != nil })
	if waited := l.now.Sub(started); waited < 10*time.Second || waited > 25*time.Second || len(p.Mine.Rewards) != 2 {
		t.Errorf("waited %s for %+v", waited, p.Mine)
	}
}

// A user has mined a block on another node at the same time.
func TestCompetingBlocksOfOneHeightAreDecided(t *testing.T) {
	l := newSimulation(t, 2, line(2, open(0, 1, 1_000_000)))
	l.mine(0, 1, "")
	l.chains[1].side = 1
	l.mine(0, 1, "")
	l.mine(1, 1, "")
	l.change = func(in *Inputs) {
		for i, b := range in.Bitcoins {
			b.Side = 0
			in.Bitcoins[i] = b
		}
	}
	p := l.until("mining", func(p Plan) bool { return p.Mine != nil })
	if p.Mine.Blocks() != 1 || l.now.Before(time.Unix(1_800_000_000, 0).Add(splitAfter)) {
		t.Errorf("%+v", p.Mine)
	}
	l.chains[1].side, l.chains[1].blocks = 0, l.chains[0].blocks
	l.ready()
}

func TestTheSubsidyFallsByHalf(t *testing.T) {
	for height, want := range map[int64]int64{1: 5_000_000_000, 149: 5_000_000_000, 150: 2_500_000_000, 299: 2_500_000_000, 300: 1_250_000_000, 4950: 0, 1 << 40: 0} {
		if got := subsidy(height); got != want {
			t.Errorf("%d: %d, want %d", height, got, want)
		}
	}
	for _, test := range []struct {
		amount, height int64
		want           int
	}{{1, 0, 1}, {5_000_000_000, 0, 2}, {1_000_000, 1200, 1}, {100_000_000, 1200, 6}, {1_000_000, 3000, 0}, {400_000_000_000, 0, 81}} {
		if got := blocksFor(test.amount, test.height); got != test.want {
			t.Errorf("%d at %d: %d blocks, want %d", test.amount, test.height, got, test.want)
		}
	}
}

func TestMemosAreThoseOfOneNetwork(t *testing.T) {
	for text, want := range map[string]bool{
		uid + "/0-1-0": true, uid + "/12-3-9~4": true, "other/0-1-0": false, "0a" + uid[2:] + "/0-1-0": true, uid + "0/0-1-0": false, uid + "/0-1": false, uid + "/0-1-0~0": false, uid + "/0-1-0 ": false, "": false, uid: false, "0-1-0": false,
	} {
		if m, ok := parseMemo(uid, text); ok != want || ok && m.text(text[:len(uid)]) != text {
			t.Errorf("%q: %+v %v", text, m, ok)
		}
	}
	if _, ok := parseMemo("another form", "another form/0-1-0"); !ok {
		t.Error("the network's own UID has another form")
	}
}

// An opener with its old key has no trace of the channel, as after its wallet was restored from its seed.
func TestTheClosingTransactionOfALostChannelIsConfirmed(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	point := l.channels[0].Point
	l.spec.Channels = nil
	l.change = func(in *Inputs) { in.Nodes[0].State.Channels = []api.Channel{} }
	l.closedByForce(1, point)
}
