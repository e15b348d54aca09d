package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestNetworksOnOneChainDoNotMineAtTheSameTime(t *testing.T) {
	type step struct {
		uid    string
		side   int
		height int64
		after  time.Duration
		// mines is whether it may, and mined the height after it, 0 while it mines.
		mines bool
		mined int64
	}
	for name, steps := range map[string][]step{
		"one after the other":             {{"a", 0, 5, 0, true, 6}, {"a", 0, 6, time.Second, true, 7}},
		"at the same time":                {{"a", 0, 5, 0, true, 0}, {"a", 0, 5, time.Second, false, 0}},
		"on two BitcoinNetworks":          {{"a", 0, 5, 0, true, 0}, {"b", 0, 5, time.Second, true, 0}},
		"before the block is on the node": {{"a", 0, 5, 0, true, 6}, {"a", 0, 5, time.Second, false, 0}},
		"on another side":                 {{"a", 0, 5, 0, true, 6}, {"a", 1, 5, time.Second, true, 6}},
		"a chain that is lost":            {{"a", 0, 5, 0, true, 6}, {"a", 0, 0, time.Minute, true, 1}},
		"a chain that is lost, on one side": {
			{"a", 1, 499, 0, true, 500}, {"a", 0, 100, time.Hour, true, 101}, {"a", 1, 0, time.Hour, true, 1},
		},
		"after the first was without blocks": {{"a", 0, 5, 0, true, 5}, {"a", 0, 5, time.Second, true, 6}},
	} {
		var m miners
		for i, s := range steps {
			at, uid := now.Add(s.after), types.UID(s.uid)
			if got := m.begin(uid, &plan.Bitcoin{Side: s.side, Tip: &plan.Tip{Height: s.height}}, at); got != s.mines {
				t.Errorf("%s, step %d: %v", name, i, got)
			}
			if s.mined > 0 {
				m.end(uid, s.side, s.mined, at)
			}
		}
	}
}

func TestNothingIsMinedOnAChainThatIsNotThatOfThePlan(t *testing.T) {
	for name, test := range map[string]struct {
		// other blocks come after the plan.
		other int
		err   error
		mined int64
	}{
		"the same chain": {0, nil, 3},
		"another block":  {1, errOvertaken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := bitcoindtest.New()
			node, err := nodes.StartAnywhere(nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { nodes.Stop(node.Address) })
			credential := func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{User: "operator"} }
			r := &Reconciler{rpc: bitcoind.NewClient(nil, nil), options: Options{Now: func() time.Time { return now }, Operator: BitcoinCredential{Current: credential}}}
			n := &bitcoinNode{status: v1.NodeStatus{IP: node.Address, RPCPort: v1.RPCPort}}
			var chain bitcoind.ChainInfo
			if err := r.rpc.Call(t.Context(), r.endpoint(&v1.BitcoinNetwork{}, n.status), bitcoind.GetBlockchainInfo(&chain)); err != nil {
				t.Fatal(err)
			}
			n.Tip = &plan.Tip{Height: chain.Blocks, Hash: chain.BestBlockHash}
			for range test.other {
				if _, err := node.Call("generatetoaddress", float64(1), "x"); err != nil {
					t.Fatal(err)
				}
			}
			height, err := r.mine(t.Context(), &v1.BitcoinNetwork{}, n, []plan.Reward{{Blocks: 1, Address: "y"}, {Blocks: 2}})
			if !errors.Is(err, test.err) || height != n.Tip.Height+test.mined || len(node.Chain()) != test.other+int(test.mined) {
				t.Errorf("height %d, %v, chain of %d blocks", height, err, len(node.Chain()))
			}
		})
	}
}

func TestFailuresThatAreNoNewsHaveNoMessage(t *testing.T) {
	for err, want := range map[error]plan.Failure{
		errOvertaken: {}, api.ErrBusy: {}, api.ErrNotActive: {}, api.ErrOtherPod: {}, context.Canceled: {},
		api.ErrStuck: {Message: api.ErrStuck.Error(), Passes: true}, api.ErrLND: {Message: api.ErrLND.Error()},
	} {
		want.At = now
		if got := failureOf(fmt.Errorf("%w", err), now); got == nil || *got != want {
			t.Errorf("%v: %+v", err, got)
		}
	}
	if got := failureOf(nil, now); got != nil {
		t.Errorf("%+v", got)
	}
}
