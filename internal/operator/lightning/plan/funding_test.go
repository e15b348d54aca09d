package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestANodeWithoutAnAddressDelaysTheOthersForAShortTime(t *testing.T) {
	l := newSimulation(t, 1, line(4, open(0, 1, 1_000_000), open(2, 3, 1_000_000)))
	l.mine(0, 1, "")
	l.noAddress = map[int]string{0: "wallet locked"}
	started := l.now
	p := l.until("coins", func(p Plan) bool { return p.Mine != nil })
	if waited := l.now.Sub(started); waited < 10*time.Second || waited > 25*time.Second || len(p.Mine.Rewards) != 2 {
		t.Errorf("waited %s for %+v", waited, p.Mine)
	}
	reasonOf(t, p, v1.LightningReasonFunding, "node 0 needs 1105000 satoshis for 1 channels, with the fees and a reserve, and has 0 (LND gives no address for them: wallet locked)")
	l.until("one channel", func(p Plan) bool { return p.Active == 1 })
	l.noAddress = nil
	l.ready()
	l.once(2)
}

// The nodes of a side have no common tip for long, while a bitcoind does not get the blocks of the other.
func TestASideWithoutACommonTipDelaysNoOtherWithItsCoins(t *testing.T) {
	l := newSimulation(t, 4, line(4, open(0, 1, 1_000_000), open(2, 3, 1_000_000)))
	l.mine(0, 1, "")
	l.chains[2].side, l.chains[3].side = 1, 1
	l.change = func(in *Inputs) {
		tip := *in.Bitcoins[1].Tip
		tip.Height, tip.Hash = tip.Height+1, "another"
		b := in.Bitcoins[1]
		b.Tip = &tip
		in.Bitcoins[1] = b
	}
	p := l.until("coins of the other side", func(p Plan) bool { return p.Mine != nil && strings.HasPrefix(p.Mine.Key, "coins") })
	if p.Mine.Bitcoin != 2 {
		t.Errorf("%+v", p.Mine)
	}
	l.until("its channel", func(p Plan) bool { return p.Channels[1].State == v1.LightningChannelActive })
}

func TestAPeerThatIsOfflineDelaysNoOther(t *testing.T) {
	l := newSimulation(t, 1, line(3, open(0, 1, 1_000_000), open(0, 2, 1_000_000)))
	l.mine(0, 1, "")
	l.failures[KeyConnect(0, 1)] = Failure{Message: "connection refused", Count: 7, At: l.now}
	p := l.until("an attempt", func(p Plan) bool { return len(p.Connect) > 0 })
	if len(p.Connect) != 1 || p.Connect[0].To != 2 {
		t.Fatalf("%+v", p.Connect)
	}
	l.change = func(in *Inputs) { in.Busy[KeyConnect(0, 2)], in.Nodes[0].State.Peers = true, []string{} }
	reasonOf(t, New(l.inputs()), v1.LightningReasonConnecting, "0–1 (connection refused), 0–2")
	if p := New(l.inputs()); strings.Contains(p.ChannelsActive.Message, "0–2 (") {
		t.Errorf("%q", p.ChannelsActive.Message)
	}
}

func TestANetworkThatWasSyncedMayBeBehindForAShortTime(t *testing.T) {
	l := newSimulation(t, 1, line(2))
	l.ready()
	l.change = func(in *Inputs) { in.Nodes[1].State.Info.SyncedToChain = false }
	p := l.step()
	if !p.Synced.Met || p.RecheckIn != syncGracePeriod {
		t.Fatalf("%+v, again in %s", p.Synced, p.RecheckIn)
	}
	l.now = l.now.Add(p.RecheckIn - time.Second)
	if p = l.step(); p.Synced.Met {
		t.Errorf("after its time: %+v", p.Synced)
	}
}

// A reorganisation may have taken what their transaction spends, and LND still counts them.
func TestANodeGetsOtherCoinsInPlaceOfThoseThatNoBlockConfirms(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.mine(0, 1, "")
	l.change = func(in *Inputs) { in.Nodes[0].State.Wallet.Unconfirmed += 5_000_000 }
	before := l.blocks
	l.until("coins", func(p Plan) bool { return p.Mine != nil && strings.HasPrefix(p.Mine.Key, "coins") })
	if mined := l.blocks - before - maxBlocksFor; mined != 1+maturity {
		t.Errorf("%d blocks for them, and %d others", maxBlocksFor, mined)
	}
	l.ready()
	l.once(1)
}

// The chain has no subsidy any more: the node gets no coins but those that people send.
func TestCoinsOfTheSameAmountAreConfirmedEachTime(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.mine(0, 20*halving, "")
	var unconfirmed int64
	l.change = func(in *Inputs) { in.Nodes[0].State.Wallet.Unconfirmed = unconfirmed }
	for range 3 * maxBlocksFor / confirmations {
		unconfirmed = 2_000_000
		l.until("blocks for them", func(p Plan) bool { return p.Mine != nil && slices.Contains(p.Mine.Waiting, "coins of 0: 2000000") })
		// People have spent them again.
		unconfirmed = 0
		p := l.until("no coins", func(p Plan) bool { return p.Funded.Reason == v1.LightningReasonSubsidyTooSmall })
		if len(p.Open) > 0 {
			t.Fatalf("%+v", p.Open)
		}
	}
}
