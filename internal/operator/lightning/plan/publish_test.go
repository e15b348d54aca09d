package plan

import (
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LND does not send it again by itself.
func TestAClosingTransactionThatBitcoindHasLostIsPublishedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		// lost is for how many steps bitcoind rejects it.
		lost    int
		restart bool
		// other is whether the other end has closed the channel, of which its opener does not know yet, and unwanted whether it is desired then.
		other, unwanted bool
	}{
		"for a moment":                      {lost: 3},
		"for long":                          {lost: 60},
		"for long, and the operator starts": {lost: 60, restart: true},
		"of the other end":                  {lost: 60, other: true},
		"of the other end, undesired":       {lost: 60, other: true, unwanted: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			point := l.channels[0].Point
			closer := l.nodes[0]
			if l.spec.Channels = nil; test.other {
				closer = l.nodes[1]
			}
			closer.LoseClosings(true)
			if test.other {
				closer.Close(point, true)
			}
			if test.other && !test.unwanted {
				l.spec.Channels = []v1.LightningChannel{open(0, 1, 1_000_000)}
			}
			before := l.blocks
			var p Plan
			for i := range test.lost {
				if p = l.step(); test.restart && i == test.lost/2 {
					l.restart()
				}
			}
			if test.lost > 30 {
				reasonOf(t, p, v1.LightningReasonClosing, "LND cannot publish its closing transaction: bitcoind rejects it: missing inputs")
			}
			// Blocks cannot confirm it.
			if mined := l.blocks - before; mined > confirmations {
				t.Errorf("%d blocks were mined within a minute", mined)
			}
			closer.LoseClosings(false)
			l.ready()
			if row := l.row(point); row != nil && row.State != v1.LightningChannelForceClosing {
				t.Errorf("%+v", row)
			}
		})
	}
}

// Whatever hinders it, LND does not get the request in each pass.
func TestAClosingTransactionIsPublishedOnceForEachBatchOfBlocks(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.change = func(in *Inputs) {
		for _, n := range in.Nodes {
			n.State.Channels[0].State, n.State.Channels[0].ShortID = api.WaitingClose, ""
		}
	}
	published := 0
	for range 200 {
		for _, c := range l.step().Close {
			if !c.Publish {
				t.Fatalf("%+v", c)
			}
			published++
		}
	}
	if want := maxBlocksFor / confirmations; published != want {
		t.Errorf("published %d times, want %d", published, want)
	}
}

// The coins of its funding transaction may need more blocks.
func TestBlocksAreMinedForAClosingTransactionThatIsRejectedForLong(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	l.nodes[0].LoseClosings(true)
	l.spec.Channels = nil
	before := l.blocks
	for _, want := range []int{confirmations, 2 * confirmations, maxBlocksFor} {
		for range want * int(rejectedFor/time.Second) / confirmations {
			l.step()
		}
		if mined := l.blocks - before; mined < want || mined > maxBlocksFor {
			t.Errorf("%d blocks, want %d", mined, want)
		}
	}
}

// LND is behind its bitcoind for a moment at each block that others mine.
func TestABlockOfOthersIsNoReasonToPublishAgain(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	waits := func(in *Inputs) {
		for _, n := range in.Nodes {
			n.State.Channels[0].State, n.State.Channels[0].ShortID = api.WaitingClose, ""
		}
	}
	l.change = waits
	l.mined = Mined{}.With(&Mine{Key: "confirm", Waiting: []string{KeyClose(l.channels[0].Point)}}, maxBlocksFor, l.now)
	published := 0
	for i := range 60 {
		l.change = func(in *Inputs) {
			if waits(in); i%3 == 1 {
				for _, n := range in.Nodes {
					n.State.Info.Height--
				}
			}
		}
		published += len(l.step().Close)
	}
	if published != 1 {
		t.Errorf("published %d times", published)
	}
}
