package plan

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestWhyAChannelIsNotClosedIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		end          func(l *simulation, point string)
		reason, text string
	}{
		"one that is not desired": {func(l *simulation, _ string) { l.spec.Channels = nil }, v1.LightningReasonClosing, "LND does not close it: no link"},
		"one that its opener has lost": {func(l *simulation, _ string) { l.spec.Channels = nil; l.replace(0) },
			v1.LightningReasonClosing, "node 0 has lost the channel with its wallet; LND does not close it: no link"},
		"one that cannot be used": {func(l *simulation, point string) { l.nodes[1].SetShortID(point, "324x1x0") },
			v1.LightningReasonChannelsStale, "since its funding transaction was reorganised into another block; LND does not close it: no link"},
		"one whose other end has another key": {func(l *simulation, _ string) { l.replace(1) },
			v1.LightningReasonChannelsStale, "since it has lost its wallet; LND does not close it: no link"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			point := l.channels[0].Point
			test.end(l, point)
			l.change = func(in *Inputs) {
				for _, force := range []bool{true, false} {
					in.Failures[KeyClose(point+forced(force))] = Failure{Message: "no link", Count: 100, At: l.now}
				}
			}
			p := l.until("reported", func(p Plan) bool {
				row := l.row(point)
				return row != nil && strings.Contains(row.Message, test.text) && p.ChannelsActive.Reason == test.reason
			})
			reasonOf(t, p, test.reason, "LND does not close it: no link")
		})
	}
}

// The specification has changed while the opener does not answer.
func TestARowHasTheCapacityOfItsChannel(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	point := l.channels[0].Point
	l.silent[0], l.spec.Channels[0].Capacity, l.spec.Channels[0].Private = true, 2_000_000, true
	l.step()
	if row := l.row(point); row == nil || row.Capacity != 1_000_000 || row.Private {
		t.Errorf("%+v", l.channels)
	}
}

func TestThatBlocksDoNotConfirmTheOtherEndsClosingTransactionIsReported(t *testing.T) {
	l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
	l.ready()
	point := l.channels[0].Point
	l.change = func(in *Inputs) { in.Nodes[1].State.Channels[0].State = api.WaitingClose }
	before := l.blocks
	const text = "node 1 is closing it; its closing transaction is not confirmed by 30 blocks"
	p := l.until("reported", func(Plan) bool { return l.row(point).Message == text })
	reasonOf(t, p, v1.LightningReasonClosing, text)
	if mined := l.blocks - before; mined != maxBlocksFor {
		t.Errorf("%d blocks", mined)
	}
}
