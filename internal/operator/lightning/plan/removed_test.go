package plan

import (
	"slices"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestARemovedNodeRunsWhileItMayHaveChannels(t *testing.T) {
	silent := func(nodes ...int) func(*Inputs) {
		return func(in *Inputs) {
			for _, n := range nodes {
				in.Nodes[n].State = nil
			}
		}
	}
	for name, test := range map[string]struct {
		channel v1.LightningChannel
		change  func(*Inputs)
		keep    int
	}{
		"its opener does not answer":                {open(1, 2, 1_000_000), silent(1), 3},
		"its opener does not report its channels":   {open(1, 2, 1_000_000), func(in *Inputs) { in.Nodes[1].State.Channels = nil }, 3},
		"it opened the channel and does not answer": {open(2, 1, 1_000_000), silent(2), 3},
		"nobody answers":                            {open(1, 2, 1_000_000), silent(0, 1, 2), 3},
		"its opener has lost the channel":           {open(1, 2, 1_000_000), func(in *Inputs) { in.Nodes[1].State.Channels = []api.Channel{} }, 3},
		"it has none, and all answer":               {open(0, 1, 50_000), func(*Inputs) {}, 2},
		"its pod is gone, and its opener does not answer": {open(1, 2, 1_000_000), func(in *Inputs) {
			silent(1, 2)(in)
			in.Nodes[2].Exists = false
		}, 2},
		"a person opened the channel": {open(1, 2, 1_000_000), func(in *Inputs) {
			for i := range in.Nodes[1].State.Channels {
				in.Nodes[1].State.Channels[i].Memo = ""
			}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(3, open(0, 1, 1_000_000), test.channel))
			l.ready()
			l.spec.Nodes, l.spec.Channels = 2, slices.Clone(l.spec.Channels[:1])
			l.change = test.change
			started := l.now
			if p := l.step(); p.Keep != test.keep {
				t.Fatalf("keeps %d nodes, want %d", p.Keep, test.keep)
			}
			// Not for ever.
			l.until("without the node", func(p Plan) bool { return p.Keep == 2 })
			if took := l.now.Sub(started); took > 2*l.inputs().CloseTimeout+3e9 {
				t.Errorf("it is kept for %s", took)
			}
		})
	}
}

// Without storage the pod's end is that of the coins in the channel.
func TestARemovedNodeRunsWhileItsPeerIsRemovedTooAndDoesNotAnswer(t *testing.T) {
	for _, silent := range []int{2, 3} {
		l := newSimulation(t, 1, line(4, open(0, 1, 1_000_000), open(2, 3, 1_000_000)))
		l.ready()
		l.spec.Nodes, l.spec.Channels = 2, slices.Clone(l.spec.Channels[:1])
		l.silent[silent] = true
		if p := l.step(); p.Keep != 4 {
			t.Errorf("without an answer of node %d it keeps %d nodes, want 4", silent, p.Keep)
		}
	}
}
