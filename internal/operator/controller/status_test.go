package controller

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// patched is an API server that accepts every status patch, or returns err.
type patched struct {
	client.Client
	version string
	err     error
}

func (p patched) Status() client.SubResourceWriter { return patchedStatus{patched: p} }

type patchedStatus struct {
	client.SubResourceWriter
	patched patched
}

func (p patchedStatus) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	object.SetResourceVersion(p.patched.version)
	return p.patched.err
}

func TestTipsThatCouldNotBeComparedAreNoFork(t *testing.T) {
	nodes := onChains("a", "b", "aa")
	chains := compareTips(tipsOf(nodes), func(tip, tip) (bool, bool) { return false, false })
	status := v1.BitcoinNetworkStatus{ChainTips: 1}
	setChainStatus(&status, chains)
	if status.ChainTips != 1 || status.Height != 2 {
		t.Errorf("%d tips at height %d", status.ChainTips, status.Height)
	}
	chains.complete = true
	setChainStatus(&status, chains)
	if status.ChainTips != 3 {
		t.Errorf("%d tips instead of three", status.ChainTips)
	}
}

// Without a written status there is no transition: the next pass records the events.
func TestAFailedPatchRecordsNoEvents(t *testing.T) {
	network, in := healthy()
	recorder := events.NewFakeRecorder(10)
	state := newNetworkState(network)
	fault := errors.New("the API server is down")
	r := &Reconciler{recorder: recorder, client: patched{err: fault}}
	status := buildStatus(network, in, evaluate(in))
	if err := r.updateStatus(t.Context(), network, status, in.chains, state); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	if len(recorder.Events) != 0 || state.written != nil {
		t.Errorf("%d events, written %v", len(recorder.Events), state.written)
	}
	r.client = patched{version: "2"}
	if err := r.updateStatus(t.Context(), network, status, in.chains, state); err != nil || len(recorder.Events) != 2 {
		t.Errorf("%d events, %v", len(recorder.Events), err)
	}
}

// The status must not change when nothing has changed, or each pass would write it.
func TestTheStatusOfTheSameObservationIsTheSame(t *testing.T) {
	network, in := healthy()
	network.Status = buildStatus(network, in, evaluate(in))
	before := network.Status.DeepCopy()
	if again := buildStatus(network, in, evaluate(in)); !equality.Semantic.DeepEqual(*before, again) {
		t.Errorf("%+v\n%+v", *before, again)
	}
	if !equality.Semantic.DeepEqual(*before, network.Status) {
		t.Error("the previous status was changed")
	}
}

func TestTwoConnectionsWithOnePeerCountOnce(t *testing.T) {
	peers := []bitcoind.PeerInfo{
		{Addr: "10.0.0.2:18444", Version: 1}, {Addr: "10.0.0.2:41234", Version: 1}, {Addr: "10.0.0.3:18444"}, {Addr: "[fd00::4]:18444", Version: 1}, {Addr: "[fd00::4]", Version: 1},
	}
	if got := countPeers(peers); got != 2 {
		t.Errorf("%d peers instead of 2", got)
	}
}
