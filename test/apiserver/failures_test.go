package apiserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testseed"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// reasonsOf are the reasons of a network's events, with their numbers.
func reasonsOf(net *apiserver.Network) map[string]int {
	reasons := map[string]int{}
	for _, event := range net.Events() {
		reasons[event.Reason]++
	}
	return reasons
}

func TestAWebhookThatIsDownIsNamedInTheStatusAndOneEvent(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	remove := ns.Validate(nil, "statefulsets")
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	got := net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, v1.ReasonReconcileFailed)
	if len(got.Status.Nodes) != 2 || got.Status.Connected != "0/1" {
		t.Errorf("the status is %+v", got.Status)
	}
	if message := net.Condition(v1.ConditionReady).Message; !strings.Contains(message, "StatefulSet net-sts") || !strings.Contains(message, "validate."+ns.Name) {
		t.Errorf("Ready does not name the object and the webhook: %s", message)
	}
	if c := net.Condition(v1.ConditionStalled); c.Status != metav1.ConditionFalse {
		t.Errorf("Stalled is %s: it may pass by itself", c.Status)
	}
	if c := net.Condition(v1.ConditionReconciling); c.Status != metav1.ConditionTrue {
		t.Errorf("Reconciling is %s", c.Status)
	}
	net.Wait("the event", func() error {
		if got := reasonsOf(net)[v1.ReasonReconcileFailed]; got != 1 {
			return fmt.Errorf("%d events", got)
		}
		return nil
	})
	for _, event := range net.Events() {
		if event.Reason == v1.ReasonReconcileFailed && !strings.Contains(event.Note, "validate."+ns.Name) {
			t.Errorf("the event does not name the webhook: %s", event.Note)
		}
	}
	remove()
	net.WaitReady()
	if reasons := reasonsOf(net); reasons[v1.ReasonReconcileFailed] != 1 || reasons["Created"] != 1 {
		t.Errorf("events %v", reasons)
	}
}

// The answer comes after 300 ms: by then the time of the first retries is over.
func TestSlowErrorsAreRetriedMoreAndMoreRarelyAndAChangeAtOnce(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	var mu sync.Mutex
	var attempts []time.Time
	op.API.Inject(apiserver.On("create", "statefulsets"), apiserver.Fault{
		Delay: 300 * time.Millisecond, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: "etcdserver: request timed out",
		Before: func() {
			mu.Lock()
			defer mu.Unlock()
			attempts = append(attempts, time.Now())
		},
	})
	count := func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return attempts[:len(attempts):len(attempts)]
	}
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}})
	net.Wait("six attempts", func() error {
		if got := len(count()); got < 6 {
			return fmt.Errorf("%d", got)
		}
		return nil
	})
	// 100 ms, 200 ms and so on, and the time of each attempt.
	for i, at := range count()[1:] {
		if gap, least := at.Sub(count()[i]), 100*time.Millisecond<<i; gap < least {
			t.Errorf("attempt %d comes after %s, want at least %s", i+2, gap, least)
		}
	}
	net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, v1.ReasonReconcileFailed)
	// Right after an attempt, of which the next one by itself comes 6.4 s later at the earliest.
	next := func(before int) time.Time {
		net.Wait("another attempt", func() error {
			if len(count()) == before {
				return fmt.Errorf("none")
			}
			return nil
		})
		return count()[before]
	}
	last := next(len(count()))
	// Counted before the change: the attempt that it causes may come before Update returns.
	before := len(count())
	due := last.Add(100 * time.Millisecond << (before - 1))
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 2 })
	if at := next(before); !at.Before(due) {
		t.Errorf("after the attempt at %s, and a change of the specification, the next one is at %s: it is due then without the change, too", last, at)
	}
}

// The race detector reports what happens while the manager stops: run with -race.
func TestTheOperatorStopsInTheMiddleOfItsWork(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	random := testseed.New(t)
	networks := []*apiserver.Network{}
	for i := range 3 {
		networks = append(networks, ns.Create(fmt.Sprintf("net-%d", i), v1.BitcoinNetworkSpec{
			Nodes: 3, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}},
		}))
	}
	for range 20 {
		op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: 10 * time.Millisecond})
		requests := 1 + random.IntN(20)
		networks[0].Wait("the operator to be in the middle of its work", func() error {
			if got := len(op.API.Requests(func(apiserver.Request) bool { return true })); got < requests {
				return fmt.Errorf("%d requests", got)
			}
			return nil
		})
		started := time.Now()
		if err := op.Stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("it stopped after %s", took)
		}
	}
	ns.StartOperator(apiserver.OperatorOptions{})
	for _, net := range networks {
		net.WaitReady()
	}
}
