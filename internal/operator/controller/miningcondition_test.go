package controller

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The nodes may mine or not while the API server does not answer.
func TestAPassThatFailsKeepsTheConditionMining(t *testing.T) {
	mining := metav1.Condition{Type: v1.ConditionMining, Status: metav1.ConditionFalse, Reason: v1.ReasonTimeTooNew, Message: "until noon"}
	for name, test := range map[string]struct {
		spec     *v1.Mining
		previous []metav1.Condition
		want     string
	}{
		"with a report":         {&v1.Mining{}, []metav1.Condition{mining}, v1.ReasonTimeTooNew},
		"in its first pass":     {&v1.Mining{}, nil, v1.ReasonWaiting},
		"when mining has ended": {nil, []metav1.Condition{mining}, ""},
	} {
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Mining: test.spec})
		network.Status.Conditions = test.previous
		status := failedStatus(network, errors.New("no answer"))
		got := ""
		if c := meta.FindStatusCondition(status.Conditions, v1.ConditionMining); c != nil {
			got = c.Reason
		}
		if got != test.want {
			t.Errorf("%s: the reason is %q, want %q", name, got, test.want)
		}
	}
}

const validAddress, mistypedAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt008"

// miningFailures are failures that begin before the first minute and are corrected after it.
var miningFailures = map[string]struct {
	spec v1.Mining
	// prepare is called before the first minute, and mend before the second.
	prepare, mend func(w *miningWorld)
	reports       []string
	events        string
}{
	"nothing fails": {
		spec: every(time.Second), reports: []string{"Waiting: no block", "Mining: blocks are mined"},
	},
	"all nodes fail": {
		spec:    every(time.Second),
		prepare: func(w *miningWorld) { w.broken = map[int]error{0: errFake, 1: errFake, 2: errFake} },
		mend:    func(w *miningWorld) { w.broken = nil },
		reports: []string{"Waiting: no block", "MiningFailed: net-sts-0 could not mine a block: fake error", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"one of three nodes fails": {
		spec:    every(time.Second),
		prepare: func(w *miningWorld) { w.broken = map[int]error{1: errFake} },
		mend:    func(w *miningWorld) { w.broken = nil },
		reports: []string{"Waiting: no block", "Mining: blocks", "MiningFailed: net-sts-1 could not mine a block: fake error", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"a wrong checksum": {
		spec:    v1.Mining{Address: mistypedAddress},
		mend:    func(w *miningWorld) { w.network.Spec.Mining.Address = validAddress; w.network.Generation++ },
		reports: []string{"AddressInvalid: spec.mining.address is not valid, no blocks are mined: its checksum is wrong", "Waiting: no block", "Mining: blocks"},
		events:  "MiningFailed",
	},
	"blocks ahead of the clock": {
		spec: every(time.Second),
		prepare: func(w *miningWorld) {
			w.clock = 30 * time.Second
			for blocks := 1 << 15; blocks > 0; blocks /= 2 {
				for w.mine(0, blocks, false) == nil {
					continue
				}
			}
			w.clock = 0
		},
		reports: []string{"Waiting: no block", "TimeTooNew: the times of the blocks", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"a node's clock that was set back": {
		spec:    every(time.Second),
		prepare: func(w *miningWorld) { _ = w.mine(0, 20, false); w.clock = -5 * time.Hour },
		mend:    func(w *miningWorld) { w.clock = 0 },
		reports: []string{"Waiting: no block", "TimeTooNew: the clock of net-sts-", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"the only miner is not ready": {
		spec:    v1.Mining{Node: ptr.To(int32(1))},
		prepare: func(w *miningWorld) { w.notReady[1] = true },
		mend:    func(w *miningWorld) { w.notReady[1] = false },
		reports: []string{"Waiting: no block", "NoMiner: a block is due, and net-sts-1, the node of spec.mining.node, is not ready", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"no node is ready": {
		spec:    every(time.Second),
		prepare: func(w *miningWorld) { w.notReady = map[int]bool{0: true, 1: true, 2: true} },
		mend:    func(w *miningWorld) { w.notReady = nil },
		reports: []string{"Waiting: no block", "NoMiner: a block is due, and no node", "Mining: blocks"},
		events:  "MiningFailed MiningResumed",
	},
	"mining ends": {
		spec:    every(time.Second),
		mend:    func(w *miningWorld) { w.network.Spec.Mining = nil },
		reports: []string{"Waiting: no block", "Mining: blocks", "none"},
	},
}

func TestTheConditionAndOneEventReportAFailure(t *testing.T) {
	for name, test := range miningFailures {
		for _, restarts := range []time.Duration{0, 7 * time.Second} {
			t.Run(fmt.Sprintf("%s, restarts every %s", name, restarts), func(t *testing.T) {
				if restarts > 0 && strings.Contains(strings.Join(test.reports, ""), "NoMiner") {
					t.Skip("an operator reports this after 30 seconds")
				}
				inBubble(t, func(t *testing.T) {
					w := newMiningWorld(t, 3, lineOf(0, 2), test.spec)
					if test.prepare != nil {
						test.prepare(w)
					}
					w.run(time.Minute, restarts)
					if test.mend != nil {
						test.mend(w)
					}
					w.run(time.Minute, restarts)
					if len(w.reports) != len(test.reports) {
						t.Fatalf("conditions:\n%s\nwant:\n%s", strings.Join(w.reports, "\n"), strings.Join(test.reports, "\n"))
					}
					for i, want := range test.reports {
						if !strings.HasPrefix(w.reports[i], want) {
							t.Errorf("condition %d is %q, want %q", i, w.reports[i], want)
						}
					}
					if got := strings.Join(w.events, " "); got != test.events {
						t.Errorf("events %q, want %q", got, test.events)
					}
				})
			})
		}
	}
}
