package plan

import (
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// An agent that is busy, and an LND that is not active yet, have no message.
func TestAFailureWithoutAMessageOnlyDelaysTheNextAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		key     string
		prepare func(*simulation)
		tried   func(Plan) bool
		bad     string
	}{
		"opening channels": {KeyOpen(0), func(l *simulation) {
			l.mine(0, 1, l.wallet(0))
			l.mine(0, 100, "")
			l.until("connected", func(p Plan) bool { return len(p.Connect) > 0 })
		}, func(p Plan) bool { return len(p.Open) > 0 }, v1.LightningReasonOpenFailed},
		"mining": {KeyMine, func(*simulation) {}, func(p Plan) bool { return p.Mine != nil }, v1.LightningReasonMiningFailed},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			test.prepare(l)
			l.failures[test.key] = Failure{Count: stalledFailures, At: l.now}
			p := New(l.inputs())
			if test.tried(p) {
				t.Errorf("it is tried at once: %+v", p)
			}
			if hasReason(p, test.bad) || p.Stalled != nil {
				t.Errorf("%+v, stalled %+v", p.ChannelsActive, p.Stalled)
			}
			for _, c := range p.Channels {
				if c.Message != "" {
					t.Errorf("channel: %q", c.Message)
				}
			}
		})
	}
}
