package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
			before, point := l.blocks, l.channels[0].Point
			l.mined = Mined{}
			var p Plan
			for i := range 600 {
				p = l.step()
				if i == 10 || i == 400 {
					l.restart()
				}
				if i > 500 {
					l.now = l.now.Add(10 * time.Minute)
				}
			}
			// An operator that is ended may have counted fewer than it mined.
			if mined := l.blocks - before - keptAlive(l, before); mined < maxBlocksFor || mined > maxBlocksFor+confirmations {
				t.Errorf("%d blocks in hours, want %d", mined, maxBlocksFor)
			}
			if state == api.PendingOpen {
				reasonOf(t, p, v1.LightningReasonOpening, "is not confirmed by 30 blocks")
			} else if row := l.row(point); row == nil || row.Message != "its closing transaction is not confirmed by 30 blocks" {
				t.Errorf("%+v", row)
			}
		})
	}
}

// The end that opened the channel lists it as open until the closing transaction of the other is in a block.
func TestNoMoreBlocksAreMinedForTheClosingTransactionOfTheOtherEnd(t *testing.T) {
	for name, edit := range map[string]func(*simulation){
		"of a channel that is desired": func(*simulation) {},
		"of one that is not":           func(l *simulation) { l.spec.Channels = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			edit(l)
			// Whatever the operator attempts has no effect.
			opener, other := l.nodes[0].State().Channels, l.nodes[1].State().Channels
			other[0].State, other[0].ShortID = api.WaitingClose, ""
			l.change = func(in *Inputs) {
				in.Nodes[0].State.Channels = opener
				if in.Nodes[1].State != nil {
					in.Nodes[1].State.Channels = other
				}
			}
			before, point := l.blocks, l.channels[0].Point
			for i := range 600 {
				l.step()
				switch i {
				case 10, 400:
					l.restart()
				case 100:
					l.restart()
					l.silent[1] = true
				case 110:
					l.silent[1] = false
				}
			}
			if mined := l.blocks - before; mined < maxBlocksFor || mined > maxBlocksFor+confirmations {
				t.Errorf("%d blocks, want %d", mined, maxBlocksFor)
			}
			if row := l.row(point); row == nil || int(row.BlocksMined) < maxBlocksFor || row.ShortID == "" {
				t.Errorf("%+v", row)
			}
		})
	}
}

// A node may not report a transaction for some time.
func TestBlocksCountAsLongAsTheirTransactionWaits(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, awaited := range map[string]bool{"it waits": true, "it does not": false} {
		m := Mined{}.With(&Mine{Key: "confirm a", Waiting: []string{"a"}}, 6, now)
		for range 3 {
			now = now.Add(miningsLifetime / 2)
			if awaited {
				m = m.Await(&Plan{Awaited: []string{"a", "b"}}, now)
			}
		}
		m = m.With(&Mine{Key: "confirm b", Waiting: []string{"b"}}, 1, now)
		if got := m.For["a"].Blocks; (got == 6) != awaited || m.For["b"].Blocks != 1 {
			t.Errorf("%s: %+v", name, m.For)
		}
	}
}

// keptAlive are the blocks after the first ones that no transaction needed: 90 minutes after the one before.
func keptAlive(l *simulation, first int) (count int) {
	blocks := l.chains[0].blocks
	for i := max(first, 1); i < len(blocks); i++ {
		if blocks[i].Time-blocks[i-1].Time >= int64(keepAliveAge.Seconds()) {
			count++
		}
	}
	return count
}

// LND, or a person, has closed it there. The opener knows of it when the closing transaction is in a block.
func TestTheOtherEndsClosingTransactionIsConfirmed(t *testing.T) {
	for name, change := range map[string]func(*simulation){"of a desired channel": func(*simulation) {}, "of another one": func(l *simulation) { l.spec.Channels = nil }} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			point := l.channels[0].Point
			l.nodes[1].Close(point, true)
			change(l)
			l.until("mined", func(p Plan) bool {
				if len(p.Open) > 0 || len(p.Close) > 0 && p.Close[0].Force {
					t.Fatalf("%+v", p)
				}
				reasonOf(t, p, v1.LightningReasonClosing, "0–1")
				if len(l.spec.Channels) > 0 {
					reasonOf(t, p, v1.LightningReasonClosing, "0–1 (node 1 is closing it)")
				}
				return p.Mine != nil && slices.Contains(p.Mine.Waiting, KeyClose(point))
			})
			l.ready()
			l.once(1 + len(l.spec.Channels))
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

// Otherwise the closing transaction of a channel that was opened with difficulties would never be confirmed.
func TestTheBlocksForAFundingTransactionDoNotCountForTheClosingOne(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	point := l.channels[0].Point
	l.mined = Mined{}.With(&Mine{Key: "confirm", Waiting: []string{point}}, maxBlocksFor, l.now)
	l.spec.Channels = nil
	l.until("closed", func(p Plan) bool { return len(p.Close) > 0 })
	l.ready()
	if got := l.mined.For[point].Blocks; got != maxBlocksFor {
		t.Errorf("%d blocks for the funding transaction", got)
	}
}

func TestTheBlocksThatARowHasCountOnce(t *testing.T) {
	row := v1.LightningChannelStatus{To: 1, Point: "a", State: v1.LightningChannelClosing, BlocksMined: 7}
	open := row
	open.ShortID = "1x1x0"
	funding, closing := map[string]Minings{"a": {Blocks: 7}}, map[string]Minings{"close a": {Blocks: 7}}
	other := func(channels ...api.Channel) []Node {
		return []Node{{Ordinal: 1, State: &api.State{Channels: channels}}}
	}
	for name, test := range map[string]struct {
		row   v1.LightningChannelStatus
		nodes []Node
		known map[string]Minings
		want  map[string]Minings
	}{
		"of an unknown transaction, after a restart": {row, nil, nil, map[string]Minings{"a": {Blocks: 7}, "close a": {Blocks: 7}}},
		"of its funding":                         {row, nil, funding, funding},
		"of its end":                             {row, nil, closing, closing},
		"of an open channel":                     {open, other(api.Channel{Point: "a", State: api.Open}), nil, funding},
		"of one whose other end is removed":      {open, nil, nil, funding},
		"of one whose other end has closed it":   {open, other(api.Channel{Point: "a", State: api.WaitingClose}), nil, closing},
		"of one whose other end does not answer": {open, []Node{{Ordinal: 1}}, nil, map[string]Minings{}},
	} {
		m := Mined{For: test.known}.Restored(&Inputs{Previous: []v1.LightningChannelStatus{test.row}, Nodes: test.nodes})
		if diff := cmp.Diff(test.want, m.For); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
