package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var specs = map[string]struct {
	bitcoinds, channels, maxBlocks int
	spec                           v1.LightningNetworkSpec
}{
	"no channels":                     {1, 0, 1, line(2)},
	"one channel":                     {1, 1, 120, line(2, open(0, 1, 1_000_000))},
	"a line over three bitcoinds":     {3, 2, 130, line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000))},
	"both directions":                 {1, 2, 130, line(2, open(0, 1, 1_000_000), open(1, 0, 2_000_000))},
	"three channels between two":      {1, 3, 120, line(2, v1.LightningChannel{From: 0, To: 1, Capacity: 50_000, Count: 3})},
	"a private one":                   {1, 1, 120, line(2, v1.LightningChannel{From: 1, To: 0, Capacity: 50_000, Private: true})},
	"a channel of more than one coin": {1, 1, 130, line(2, open(0, 1, 12_000_000_000))},
	"a ring of ten":                   {3, 10, 150, v1.LightningNetworkSpec{Nodes: 10, Topology: &v1.LightningTopology{Type: "Ring", Capacity: 1_000_000}}},
	"a star":                          {2, 4, 130, v1.LightningNetworkSpec{Nodes: 5, Topology: &v1.LightningTopology{Type: "Star", Capacity: 1_000_000, Push: 1000}}},
}

func TestPlansLeadToActiveChannels(t *testing.T) {
	for name, test := range specs {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, test.bitcoinds, test.spec)
			l.until("ready", func(p Plan) bool {
				if isReady(p) {
					l.routable()
					if l.actives() != test.channels {
						t.Errorf("ready with %d channels that both ends report as active, want %d", l.actives(), test.channels)
					}
				}
				return isReady(p)
			})
			l.once(test.channels)
			if l.blocks > test.maxBlocks {
				t.Errorf("%d blocks were mined, more than %d", l.blocks, test.maxBlocks)
			}
			for range 20 {
				if p := l.step(); !isReady(p) || p.Mine != nil || len(p.Open)+len(p.Close)+len(p.Connect)+len(p.Addresses) > 0 {
					t.Fatalf("a network that is ready is changed: %+v", p)
				}
			}
		})
	}
}

// The operator is ended after each step, before it knows what has become of its actions.
func TestAnOperatorThatRestartsAllTheTimeOpensNothingTwice(t *testing.T) {
	for name, test := range specs {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, test.bitcoinds, test.spec)
			count := 0
			l.until("ready", func(p Plan) bool {
				// With an address of the wallet in between, which is the only thing that two steps need.
				if count++; count%2 == 0 {
					l.restart()
				}
				return isReady(p)
			})
			l.once(test.channels)
		})
	}
}

func reasonOf(t *testing.T, p Plan, reason, text string) {
	t.Helper()
	for _, c := range []struct{ reason, message string }{
		{p.Synced.Reason, p.Synced.Message}, {p.Funded.Reason, p.Funded.Message}, {p.ChannelsActive.Reason, p.ChannelsActive.Message},
	} {
		if c.reason == reason && strings.Contains(c.message, text) {
			return
		}
	}
	t.Errorf("no condition has the reason %s with %q: %+v, %+v, %+v", reason, text, p.Synced, p.Funded, p.ChannelsActive)
}

func hasReason(p Plan, reason string) bool {
	return p.Synced.Reason == reason || p.Funded.Reason == reason || p.ChannelsActive.Reason == reason
}

func TestConditionsNameWhatHinders(t *testing.T) {
	two := line(2, open(0, 1, 1_000_000))
	for name, test := range map[string]struct {
		spec         v1.LightningNetworkSpec
		prepare      func(*simulation)
		reason, text string
		stalled      bool
	}{
		"a chain without a block": {two, func(*simulation) {}, v1.LightningReasonChainTooOld, "height 0", false},
		"a chain that is three hours old": {two, func(l *simulation) {
			l.mine(0, 5, "")
			l.now = l.now.Add(3 * time.Hour)
		}, v1.LightningReasonChainTooOld, "height 5", false},
		"a chain that cannot be extended": {two, func(l *simulation) {
			l.failures[KeyMine] = Failure{Message: "no space left", Count: 1, At: l.now}
		}, v1.LightningReasonMiningFailed, "no space left", false},
		"a node without coins":        {two, func(l *simulation) { l.mine(0, 1, "") }, v1.LightningReasonFunding, "node 0 needs 1105000 satoshis for 1 channels, with the fees and a reserve, and has 0", false},
		"a subsidy that is too small": {two, func(l *simulation) { l.mine(0, 6000, "") }, v1.LightningReasonSubsidyTooSmall, "at height 6001 is 0 satoshis", true},
		"a peer that is offline": {two, func(l *simulation) {
			l.mine(0, 1, l.wallet(0))
			l.mine(0, 100, "")
			l.nodes[0].Reject("connect", "refused")
		}, v1.LightningReasonConnecting, "0–1 (dial tcp: connection refused)", false},
		"an opener that does not answer": {two, func(l *simulation) { l.mine(0, 1, ""); l.silent[0] = true }, v1.LightningReasonWaiting, "node 0", false},
		"an LND that rejects a channel": {two, func(l *simulation) {
			l.mine(0, 1, l.wallet(0))
			l.mine(0, 100, "")
			l.nodes[0].Reject("open", "chan size below the minimum")
		},
			v1.LightningReasonOpenFailed, "chan size below the minimum", true},
		"a bitcoind that does not answer": {two, func(l *simulation) {
			l.mine(0, 1, "")
			l.change = func(in *Inputs) { in.Bitcoins[0] = Bitcoin{} }
		}, v1.LightningReasonBitcoinNodeNotReady, "net", false},
		"a BitcoinNetwork with competing branches": {two, func(l *simulation) {
			l.mine(0, 1, "")
			l.change = func(in *Inputs) { in.Forked = true }
		}, v1.LightningReasonHeightsApart, "competing branches", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, test.spec)
			test.prepare(l)
			reported := false
			var last Plan
			for range 40 {
				last = New(l.inputs())
				if hasReason(last, test.reason) && (!test.stalled || last.Stalled != nil) {
					reported = true
					break
				}
				l.step()
			}
			if !reported {
				t.Fatalf("%s is not reported: %+v", test.reason, last)
			}
			reasonOf(t, last, test.reason, test.text)
			if test.stalled != (last.Stalled != nil && last.Stalled.Reason == test.reason) {
				t.Errorf("stalled: %+v", last.Stalled)
			}
		})
	}
}

// wallet is the address of a node, which the operator knows.
func (l *simulation) wallet(node int) string {
	address := l.nodes[node].NewAddress()
	l.wallets[l.nodes[node].PubKey()] = address
	return address
}

func TestAPartitionAcrossAChannelIsReported(t *testing.T) {
	l := newSimulation(t, 2, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.chains[1].side = 1
	reasonOf(t, l.step(), v1.LightningReasonPartitioned, "0–1")
	l.mine(0, 5, "")
	p := l.step()
	reasonOf(t, p, v1.LightningReasonHeightsApart, "node 1 of the BitcoinNetwork net is 5 blocks behind node 0")
	if p.Mine != nil || len(p.Close) > 0 {
		t.Errorf("it acts on a partition: %+v", p)
	}
	// The side with more blocks wins.
	l.chains[1].side, l.chains[1].blocks = 0, l.chains[0].blocks
	l.ready()
	l.once(1)
}

// The chain gets old while nobody mines.
func TestAnOldChainGetsABlockBeforeLNDStopsWorking(t *testing.T) {
	l := newSimulation(t, 2, line(2, open(0, 1, 1_000_000)))
	l.ready()
	before := l.blocks
	for range 6 {
		l.now = l.now.Add(30 * time.Minute)
		if p := l.step(); !isReady(p) {
			t.Fatalf("not ready: %+v", p)
		}
	}
	if mined := l.blocks - before; mined != 2 {
		t.Errorf("%d blocks in three hours, want 2", mined)
	}
}

func TestAnLNDThatIsBehindIsWaitedFor(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.mine(0, 1, l.wallet(0))
	l.mine(0, 100, "")
	l.change = func(in *Inputs) {
		in.Nodes[0].State.Info.Height, in.Nodes[0].State.Info.SyncedToChain = 42, false
	}
	for range 30 {
		p := l.step()
		if len(p.Open) > 0 || p.Mine != nil || p.Synced.Met {
			t.Fatalf("an LND that is behind: %+v", p)
		}
	}
	reasonOf(t, l.step(), v1.LightningReasonSyncing, "node 0 at height 42")
	l.change = nil
	l.ready()
	l.once(1)
}

func TestOfTwoChannelsWithOneMemoOneIsClosed(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	var twice api.Channel
	l.change = func(in *Inputs) {
		twice = in.Nodes[0].State.Channels[0]
		twice.Point, twice.Active = "other:0", false
		in.Nodes[0].State.Channels = slices.Insert(in.Nodes[0].State.Channels, 0, twice)
	}
	p := New(l.inputs())
	if len(p.Close) != 1 || p.Close[0].Point != "other:0" || p.Close[0].Force || p.Active != 1 || len(p.Open) > 0 {
		t.Errorf("%+v", p)
	}
	reasonOf(t, p, v1.LightningReasonClosing, "0–1")
}

func TestARemovedChannelIsClosedAndTheOthersStay(t *testing.T) {
	l := newSimulation(t, 1, line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000), v1.LightningChannel{From: 0, To: 2, Capacity: 40_000, Count: 2}))
	l.ready()
	l.spec.Channels = l.spec.Channels[1:]
	l.spec.Channels[1].Count = 1
	p := l.step()
	if len(p.Close) != 2 || p.Close[0].Force || p.Active != 2 {
		t.Fatalf("%+v", p)
	}
	l.ready()
	l.once(4)
}

func TestAChannelWithAnotherCapacityIsClosedAndOpened(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.spec.Channels[0].Capacity = 2_000_000
	l.ready()
	l.once(2)
	if c := l.channels; len(c) != 1 || c[0].Capacity != 2_000_000 || c[0].Index != 0 {
		t.Errorf("%+v", c)
	}
	// In another order nothing changes.
	l.spec.Channels = []v1.LightningChannel{open(0, 1, 50_000), open(0, 1, 2_000_000)}
	l.ready()
	if opened := l.net.Opened(); len(l.channels) != 2 || opened[uid+"/0-1-0"] != 2 || opened[uid+"/0-1-0~1"] != 1 {
		t.Errorf("%v, %+v", opened, l.channels)
	}
}

func TestRemovedNodesStayUntilTheirChannelsAreClosed(t *testing.T) {
	for name, test := range map[string]struct {
		spec    v1.LightningNetworkSpec
		offline bool
	}{
		"that others opened":       {line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000)), false},
		"that it opened":           {line(3, open(0, 1, 1_000_000), open(2, 1, 1_000_000)), false},
		"of a node that is silent": {line(3, open(0, 1, 1_000_000), open(1, 2, 1_000_000)), true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, test.spec)
			l.ready()
			if test.offline {
				l.nodes[2].Stop()
				l.silent[2] = true
			}
			l.spec.Nodes, l.spec.Channels = 2, l.spec.Channels[:1]
			p := l.step()
			if p.Keep != 3 || len(p.Close) != 1 || p.Close[0].Force {
				t.Fatalf("keeps %d nodes, closes %+v", p.Keep, p.Close)
			}
			started, forced := l.now, false
			p = l.until("without the node", func(p Plan) bool {
				forced = forced || len(p.Close) > 0 && p.Close[0].Force
				return p.Keep == 2
			})
			took := l.now.Sub(started)
			if forced != test.offline || took > 3*time.Minute || !test.offline && took > 30*time.Second {
				t.Errorf("it takes %s, forced %v", took, forced)
			}
		})
	}
}

func TestANetworkThatIsScaledTo0ClosesNothing(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.spec.Nodes = 0
	if p := New(l.inputs()); p.Keep != 0 || len(p.Close) > 0 || p.ChannelsActive.Reason != v1.LightningReasonNoNodes {
		t.Errorf("%+v", p)
	}
}
