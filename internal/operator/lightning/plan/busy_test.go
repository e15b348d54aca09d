package plan

import (
	"testing"
	"time"

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

// The blocks of another network may be in the way again and again.
func TestAnActionThatOnlyWaitedIsTriedAgainSoon(t *testing.T) {
	const key = KeyMine
	for name, test := range map[string]struct {
		failure Failure
		want    time.Duration
	}{
		"it waited once":      {Failure{Count: 1}, minRetry},
		"it waited for long":  {Failure{Count: 20}, maxWaitRetry},
		"it failed once":      {Failure{Message: "no space left", Count: 1}, minRetry},
		"it failed for long":  {Failure{Message: "no space left", Count: 20}, maxRetry},
		"it has never failed": {Failure{}, 0},
	} {
		in := &Inputs{Now: time.Unix(1_800_000_000, 0), Failures: map[string]Failure{}}
		if test.failure.Count > 0 {
			test.failure.At = in.Now
			in.Failures[key] = test.failure
		}
		var waited time.Duration
		for ; !in.MayTry(key) && waited < time.Hour; waited += minRetry {
			in.Now = in.Now.Add(minRetry)
		}
		if waited != test.want {
			t.Errorf("%s: after %s, want %s", name, waited, test.want)
		}
	}
}
