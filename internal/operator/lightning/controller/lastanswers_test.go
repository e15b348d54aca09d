package controller

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// reset closes the connection of a request without a response.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// The passes of a network that is ready are seconds apart.
func TestASingleMissingAnswerIsNoOutage(t *testing.T) {
	for name, test := range map[string]struct {
		fail, restore func(*reconcileTest)
		reason        string
	}{
		"the agent closes the connection": {
			func(r *reconcileTest) { r.answers(reset) }, func(r *reconcileTest) { r.answers(nil) }, v1.LightningReasonNodeNotAnswering,
		},
		"LND does not answer its agent in time": {
			func(r *reconcileTest) {
				state := r.lnd.State()
				state.Info, state.Wallet, state.LND = nil, nil, ""
				r.answers(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(state) }) //nolint:errcheck // the client is the test
			}, func(r *reconcileTest) { r.answers(nil) }, v1.LightningReasonNodeNotAnswering,
		},
		"bitcoind answers with an error": {
			func(r *reconcileTest) { r.bitcoind.Respond(http.StatusInternalServerError) }, func(r *reconcileTest) { r.bitcoind.Respond(0) },
			v1.LightningReasonBitcoinNodeNotReady,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReconcileTest(t)
			test.fail(r)
			if again := r.pass(t, 5*time.Second).RequeueAfter; again != missRecheck {
				t.Errorf("the next pass follows in %s", again)
			}
			r.noNews(t, "one missing answer")
			test.restore(r)
			if again := r.pass(t, missRecheck).RequeueAfter; again != r.options.PollInterval {
				t.Errorf("after an answer the next pass follows in %s", again)
			}
			r.noNews(t, "an answer")
			test.fail(r)
			r.pass(t, 5*time.Second)
			r.pass(t, missRecheck)
			r.noNews(t, "missing answers")
			r.pass(t, missLifetime-missRecheck)
			if r.isReady(t) || r.reason(t) != test.reason {
				t.Errorf("it is reported as %s after %s without an answer", r.reason(t), missLifetime)
			}
		})
	}
}

// Its controller reports a bitcoind as ready whose RPC threads others have taken.
func TestABitcoindThatIsReadyAndBusyIsNoOutage(t *testing.T) {
	r := newReconcileTest(t)
	defer r.bitcoind.Occupy()()
	for range 2 {
		r.pass(t, 5*time.Second)
		r.noNews(t, "busy")
	}
	r.states = newStateStore()
	r.pass(t, 5*time.Second)
	r.noNews(t, "busy, and the operator has restarted")
	r.changeBitcoin(t, func(b *v1.BitcoinNetwork) { b.Status.Nodes[0].Ready = false })
	r.pass(t, time.Second)
	if r.isReady(t) || r.reason(t) != v1.LightningReasonBitcoinNodeNotReady {
		t.Errorf("a bitcoind that is not ready is reported as %s", r.reason(t))
	}
	// Such a network waits for it.
	r.changeBitcoin(t, func(b *v1.BitcoinNetwork) { b.Status.Nodes[0].Ready = true })
	r.pass(t, time.Second)
	if r.isReady(t) || r.reason(t) != v1.LightningReasonBitcoinNodeNotReady {
		t.Errorf("a busy bitcoind of a network that is not ready is reported as %s", r.reason(t))
	}
}

func TestALastAnswerIsNotOfAnotherProcess(t *testing.T) {
	r := newReconcileTest(t)
	r.changeBitcoin(t, func(b *v1.BitcoinNetwork) { b.Status.Nodes[0].PodName = "net-sts-1" })
	r.bitcoind.Respond(http.StatusInternalServerError)
	r.pass(t, time.Second)
	if r.reason(t) != v1.LightningReasonBitcoinNodeNotReady {
		t.Errorf("another bitcoind is reported as %s", r.reason(t))
	}
	r.bitcoind.Respond(0)
	r.pass(t, time.Second)
	pod := runningPod()
	pod.UID = "other"
	network := r.network(t)
	nodes := []node{{pod: pod, err: errors.New("reset")}}
	if r.states.of(network).last.replaceStates(nodes, r.clock) || nodes[0].state != nil {
		t.Errorf("another pod has the state %+v", nodes[0].state)
	}
}

// The agent gets another backend only when it has answered that it lacks it.
func TestNothingIsDoneOnAccountOfALastAnswer(t *testing.T) {
	r := newReconcileTest(t)
	given := r.backends.Load()
	r.answers(reset)
	r.changeBitcoin(t, func(b *v1.BitcoinNetwork) { b.Spec.ZMQ = &v1.ZMQ{} })
	r.pass(t, 5*time.Second)
	if r.isReady(t) || r.reason(t) != v1.LightningReasonUpdating {
		t.Errorf("an LND that lacks its backend is reported as %s", r.reason(t))
	}
	if got := r.backends.Load(); got != given {
		t.Error("the agent got a backend")
	}
	r.answers(nil)
	if r.pass(t, missRecheck); r.backends.Load() == given {
		t.Error("an agent that answers got no backend")
	}
}

// The time that blocks may be on their way does not begin again with each missing answer.
func TestAMissingAnswerDoesNotExtendTheTimeForSyncing(t *testing.T) {
	r := newReconcileTest(t)
	state := r.lnd.State()
	state.Info.SyncedToChain = false
	r.answers(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(state) }) //nolint:errcheck // the client is the test
	r.pass(t, time.Second)
	for range 3 {
		if !r.isReady(t) {
			t.Fatal("it is not ready before the time has passed")
		}
		r.bitcoind.Respond(http.StatusInternalServerError)
		r.pass(t, 500*time.Millisecond)
		r.bitcoind.Respond(0)
		r.pass(t, 500*time.Millisecond)
	}
	if r.isReady(t) {
		t.Error("it is ready after the time has passed")
	}
}

// The others may have got blocks meanwhile.
func TestABitcoindWithoutAnAnswerIsNotReportedAsBehind(t *testing.T) {
	silent := &bitcoind.UnreachableError{Host: "10.0.0.1", Err: context.DeadlineExceeded}
	node := func(side int, height int64, err error) *bitcoinNode {
		n := &bitcoinNode{Bitcoin: plan.Bitcoin{Side: side}, status: v1.NodeStatus{IP: "10.0.0.1"}, err: err}
		if err == nil {
			n.Tip = &plan.Tip{Height: height}
		}
		return n
	}
	last, r := lastAnswers{bitcoins: answers[bitcoinAnswer]{}}, &Reconciler{}
	o := &observed{bitcoin: &v1.BitcoinNetwork{}, bitcoins: map[int]*bitcoinNode{0: node(0, 100, nil), 1: node(0, 100, nil), 2: node(1, 100, nil)}}
	r.replaceBitcoins(&last, o, true, now)
	o.bitcoins = map[int]*bitcoinNode{0: node(0, 0, silent), 1: node(0, 110, nil), 2: node(1, 0, silent), 3: node(1, 0, silent)}
	if missing, _ := r.replaceBitcoins(&last, o, true, now); !missing {
		t.Error("no answer is missing")
	}
	if got := o.bitcoins; got[0].Tip.Height != 110 || got[0].err != nil || got[2].Tip.Height != 100 || got[3].Tip != nil || got[3].err == nil {
		t.Errorf("heights %+v, %+v, %+v", got[0], got[2], got[3])
	}
}
