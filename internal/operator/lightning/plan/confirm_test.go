package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LND may end between the message to its peer and the broadcast of the funding transaction.
func TestNoMoreBlocksAreMinedForATransactionThatDoesNotExist(t *testing.T) {
	for name, state := range map[string]api.ChannelState{"a funding transaction": api.PendingOpen, "a closing transaction": api.WaitingClose} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.change = func(in *Inputs) {
				for _, n := range in.Nodes {
					n.State.Channels = slices.Clone(n.State.Channels)
					n.State.Channels[0].State, n.State.Channels[0].ShortID = state, ""
					n.State.Channels = n.State.Channels[:1]
				}
			}
			before := l.blocks
			l.mined = Mined{}
			var p Plan
			for range 600 {
				p = l.step()
			}
			if mined := l.blocks - before; mined != maxBlocksFor {
				t.Errorf("%d blocks in ten minutes, want %d", mined, maxBlocksFor)
			}
			if state == api.PendingOpen {
				reasonOf(t, p, v1.LightningReasonOpening, "is not confirmed by 30 blocks")
			}
		})
	}
}

// The blocks of one side do not come to the other.
func TestTheBlocksForAChannelAreMinedOnItsSide(t *testing.T) {
	for name, test := range map[string]struct {
		// waiting are channels that lack blocks: that of 0 and 1, and that of 2 and 3.
		waiting []int
		want    []int
	}{
		"the first side waits":  {[]int{0}, []int{0}},
		"the second side waits": {[]int{2}, []int{2}},
		"both wait":             {[]int{0, 2}, []int{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 4, line(4, open(0, 1, 1_000_000), open(2, 3, 1_000_000)))
			l.ready()
			l.chains[2].side, l.chains[3].side = 1, 1
			tip := l.chains[0].blocks
			l.change = func(in *Inputs) {
				for _, i := range test.waiting {
					if len(l.chains[i].blocks) < len(tip)+3 {
						c := &in.Nodes[i].State.Channels[0]
						c.Announced, c.ShortID = false, shortIDAt(len(tip)-2)
					}
				}
			}
			var got []int
			for range 30 {
				if p := l.step(); p.Mine != nil {
					got = append(got, p.Mine.Bitcoin)
					if p.Mine.Blocks() != 3 {
						t.Errorf("%d blocks", p.Mine.Blocks())
					}
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("mined on %v, want %v", got, test.want)
			}
		})
	}
}

func shortIDAt(height int) string { return fmt.Sprintf("%dx1x0", height) }
