package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// pending has a channel that is being opened, whose funding transaction is lost.
func pending(t *testing.T) *simulation {
	t.Helper()
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.until("opening", func(p Plan) bool { return len(p.Channels) > 0 && p.Channels[0].State == v1.LightningChannelOpening })
	l.net.LoseFunding(l.channels[0].Point)
	l.mined = Mined{}
	return l
}

// abandoned makes steps until the network is ready, and returns the nodes that forget a channel, in their order, and the blocks that were
// mined before the first of them.
func (l *simulation) abandoned() (nodes []int, blocks int) {
	l.Helper()
	before := l.blocks
	l.until("ready", func(p Plan) bool {
		for _, c := range p.Close {
			if c.Force || !c.Abandon || !strings.Contains(c.Cause, "is not confirmed by 30 blocks") {
				l.Errorf("%+v", c)
			}
			if nodes = append(nodes, c.Node); len(nodes) == 1 {
				blocks = l.blocks - before
			}
		}
		return isReady(p)
	})
	return nodes, blocks
}

func TestAChannelWithoutAFundingTransactionIsAbandonedAtBothEndsAndOpenedAgain(t *testing.T) {
	l := pending(t)
	// The opener comes last: only it has the memo.
	if nodes, blocks := l.abandoned(); len(nodes) != 2 || nodes[0] != 1 || nodes[1] != 0 || blocks != maxBlocksFor {
		t.Errorf("abandoned at %v, after %d blocks", nodes, blocks)
	}
	if opened := l.net.Opened(); len(opened) != 1 || opened[uid+"/0-1-0"] != 2 {
		t.Errorf("%v", opened)
	}
}

func TestTheOpenerKeepsAChannelWhileTheOtherEndDoesNotAnswer(t *testing.T) {
	l := pending(t)
	l.silent[1] = true
	for range 300 {
		if p := l.step(); len(p.Close) > 0 {
			t.Fatalf("%+v", p.Close)
		}
	}
	if message := l.channels[0].Message; !strings.Contains(message, "when node 1 answers") {
		t.Error(message)
	}
	l.silent[1] = false
	if nodes, _ := l.abandoned(); len(nodes) != 2 {
		t.Errorf("abandoned at %v", nodes)
	}
}

// The other end would keep the channel for 2016 blocks, and the operator would not know it.
func TestAChannelThatItsOpenerHasLostBeforeItWasConfirmedIsAbandonedAtTheOtherEnd(t *testing.T) {
	l := pending(t)
	l.nodes[0].Stop()
	l.nodes[0] = l.net.Start(l.chainOf(0))
	if nodes, blocks := l.abandoned(); len(nodes) != 1 || nodes[0] != 1 || blocks < maxBlocksFor {
		t.Errorf("abandoned at %v, after %d blocks", nodes, blocks)
	}
}

// A lost opener may have sent the transaction.
func TestAChannelThatItsOpenerHasLostIsClosedByForceWhenItIsConfirmed(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.until("opening", func(p Plan) bool { return len(p.Channels) > 0 && p.Channels[0].State == v1.LightningChannelOpening })
	l.nodes[0].Stop()
	l.nodes[0] = l.net.Start(l.chainOf(0))
	forced := false
	l.until("ready", func(p Plan) bool {
		for _, c := range p.Close {
			forced = forced || c.Node == 1 && c.Force && !c.Abandon
		}
		return isReady(p)
	})
	if !forced {
		t.Error("the other end keeps the channel")
	}
}

func TestAnUnwantedChannelWithoutAFundingTransactionIsAbandoned(t *testing.T) {
	l := pending(t)
	l.spec.Channels = nil
	if nodes, _ := l.abandoned(); len(nodes) != 2 {
		t.Errorf("abandoned at %v", nodes)
	}
}

func TestWhyAChannelCannotBeAbandonedIsReported(t *testing.T) {
	l := pending(t)
	point := l.channels[0].Point
	l.until("abandoned", func(p Plan) bool { return len(p.Close) > 0 })
	l.failures[keyAbandon(0, point)] = Failure{Message: "node 0 has the transaction", Count: 100, At: l.now}
	p := l.step()
	reasonOf(t, p, v1.LightningReasonOpening, "cannot be abandoned: node 0 has the transaction")
	if len(p.Close) > 0 {
		t.Errorf("%+v", p.Close)
	}
}

// The other end has the channel open, as before a reorganisation: only the opener can forget it, and then the other one closes it.
func TestAChannelThatIsOpenAtTheOtherEndIsAbandonedByItsOpener(t *testing.T) {
	l := pending(t)
	point := l.channels[0].Point
	l.nodes[1].KeepOpen(point)
	var ends []string
	l.until("ready", func(p Plan) bool {
		for _, c := range p.Close {
			if c.Point == point {
				ends = append(ends, fmt.Sprintf("%d abandon=%v force=%v", c.Node, c.Abandon, c.Force))
			}
		}
		return isReady(p)
	})
	if want := []string{"0 abandon=true force=false", "1 abandon=false force=true"}; !slices.Equal(ends, want) {
		t.Errorf("%q, want %q", ends, want)
	}
}

func TestWhyAChannelThatIsNotDesiredCannotBeAbandonedIsReported(t *testing.T) {
	for name, lose := range map[string]func(*simulation){"an unwanted one": func(*simulation) {}, "a lost one": func(l *simulation) { l.replace(0) }} {
		t.Run(name, func(t *testing.T) {
			l := pending(t)
			point := l.channels[0].Point
			l.spec.Channels = nil
			lose(l)
			l.change = func(in *Inputs) {
				in.Failures = map[string]Failure{keyAbandon(1, point): {Message: "node 0 has the transaction", Count: 100, At: l.now}}
			}
			const text = "cannot be abandoned: node 0 has the transaction"
			p := l.until("reported", func(Plan) bool { row := l.row(point); return row != nil && strings.Contains(row.Message, text) })
			reasonOf(t, p, v1.LightningReasonClosing, text)
		})
	}
}
