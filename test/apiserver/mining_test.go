package apiserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

func miningEvery(interval time.Duration) *v1.Mining {
	return &v1.Mining{Interval: &metav1.Duration{Duration: interval}}
}

// A new operator knows only the chain and the status, and writes nothing while nothing changes.
func TestAnOperatorThatRestartsEvery50MinutesMinesEachHour(t *testing.T) {
	t.Parallel()
	ns, clock := apiserver.NewNamespace(t), &apiserver.Clock{}
	ns.Bitcoinds.Now = clock.Now
	options := apiserver.OperatorOptions{PollInterval: fast, Now: clock.Now}
	op := ns.StartOperator(options)
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 3, Mining: miningEvery(time.Hour)})
	net.WaitReady()
	// Blocks are due after 60, 160, 260 and 360 minutes: an hour after the operator mines the one before.
	for restart := 1; restart <= 8; restart++ {
		// A node that did not answer in time is so reported, until the next answer: a new operator would take that back.
		net.WaitCondition(v1.ConditionReady, metav1.ConditionTrue, v1.ReasonReady)
		if err := op.Stop(); err != nil {
			t.Fatal(err)
		}
		clock.Advance(50 * time.Minute)
		record, stood := net.Record(), standstill(t)
		op = ns.StartOperator(options)
		want := int64(restart / 2)
		net.Eventually(fmt.Sprintf("%d blocks after %d restarts", want, restart), func(n *v1.BitcoinNetwork) error {
			if n.Status.Height != want {
				return fmt.Errorf("it has %d", n.Status.Height)
			}
			return nil
		})
		waitForPasses(net, 5)
		if got := net.Get().Status; got.Height != want {
			t.Fatalf("%d blocks after %d restarts, want %d", got.Height, restart, want)
		}
		still, writes := stood(), op.API.Writes()
		switch {
		case restart%2 == 0 || len(writes) == 0:
		case still > 500*time.Millisecond && reportSlowNode(writes, net.Until(record, net.Get().ResourceVersion)):
			t.Logf("the process stood still for %s: the writes of operator %d do not count: %v", still, restart, writes)
		default:
			t.Errorf("a new operator writes %v, and the process stood still for at most %s", writes, still)
		}
	}
}

// reportSlowNode is whether all these writes are of a status, of which one reported that a node did not answer in time. A process in which
// both the node and the operator are takes that long for an answer when it stands still, or several times for a part of it.
func reportSlowNode(writes []apiserver.Request, versions []v1.BitcoinNetwork) bool {
	status := apiserver.On("patch", "bitcoinnetworks/status")
	if slices.ContainsFunc(writes, func(r apiserver.Request) bool { return !status(r) }) {
		return false
	}
	return slices.ContainsFunc(versions, func(n v1.BitcoinNetwork) bool {
		ready := meta.FindStatusCondition(n.Status.Conditions, v1.ConditionReady)
		return ready.Reason == v1.ReasonNodeNotAnswering || ready.Reason == v1.ReasonRPCBusy
	})
}

func TestTheReasonWhyBlocksAreNotMinedIsOneEvent(t *testing.T) {
	t.Parallel()
	ns, clock := apiserver.NewNamespace(t), &apiserver.Clock{}
	ns.Bitcoinds.Now = clock.Now
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	spec := v1.BitcoinNetworkSpec{Nodes: 1, Mining: miningEvery(time.Second)}
	spec.Mining.Address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt008"
	net := ns.Create("net", spec)
	net.WaitCondition(v1.ConditionMining, metav1.ConditionFalse, v1.ReasonAddressInvalid)
	net.WaitReady()
	// The chain is two hours and a minute ahead of the clock then.
	clock.Advance(2*time.Hour + time.Minute)
	if _, err := net.Node(0).Call("generatetodescriptor", 20, "raw(6a0130)"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-2*time.Hour - time.Minute)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Mining.Address = "" })
	net.WaitCondition(v1.ConditionMining, metav1.ConditionFalse, v1.ReasonTimeTooNew)
	if got := net.Condition(v1.ConditionMining).Message; !strings.Contains(got, "mining continues at ") {
		t.Errorf("the message is %q", got)
	}
	clock.Advance(time.Minute)
	net.WaitCondition(v1.ConditionMining, metav1.ConditionTrue, v1.ReasonMining)
	net.Wait("one event for each reason, and one for the end", func() error {
		var notes []string
		for _, e := range net.Events() {
			if strings.HasPrefix(e.Reason, "Mining") {
				notes = append(notes, e.Reason+" "+strings.SplitAfter(e.Note, ":")[0])
			}
			if e.Series != nil {
				t.Errorf("repeated: %s", e.Note)
			}
		}
		if len(notes) != 3 {
			return fmt.Errorf("%q", notes)
		}
		return nil
	})
}

func TestKeepAliveHasNoInterval(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 2, Mining: &v1.Mining{KeepAlive: &metav1.Duration{Duration: time.Hour}}})
	ns := net.Namespace
	net.WaitCondition(v1.ConditionMining, metav1.ConditionTrue, v1.ReasonMining)
	waitForPasses(net, 10)
	if got := net.Get(); got.Spec.Mining.Interval != nil || got.Status.Height != 1 {
		t.Errorf("%d blocks, interval %v; want the first block only", got.Status.Height, got.Spec.Mining.Interval)
	}
	both := miningEvery(time.Hour)
	both.KeepAlive = both.Interval
	err := ns.Client.Create(t.Context(), &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "both"}, Spec: v1.BitcoinNetworkSpec{Nodes: 1, Mining: both},
	})
	if err == nil || !strings.Contains(err.Error(), "mining.interval and mining.keepAlive exclude each other") {
		t.Errorf("an interval beside keepAlive: %v", err)
	}
}

// kubectl scale uses the scale subresource.
func TestTheNodeThatMinesCannotBeScaledAway(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	spec := v1.BitcoinNetworkSpec{Nodes: 3, Mining: miningEvery(time.Second)}
	spec.Mining.Node = ptr.To(int32(2))
	net := ns.Create("net", spec)
	net.WaitCondition(v1.ConditionMining, metav1.ConditionTrue, v1.ReasonMining)
	if calls := net.Node(0).Calls("generatetodescriptor") + net.Node(1).Calls("generatetodescriptor"); calls > 0 {
		t.Errorf("other nodes than node 2 were called %d times", calls)
	}
	scale := func(nodes int32) error {
		return ns.Client.SubResource("scale").Update(t.Context(), net.Get(), client.WithSubResourceBody(&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: nodes}}))
	}
	if err := scale(2); err == nil || !strings.Contains(err.Error(), "mining.node names a node that does not exist") {
		t.Errorf("scaled to 2 nodes: %v", err)
	}
	if err := scale(0); err != nil {
		t.Errorf("scaled to no nodes: %v", err)
	}
	net.WaitCondition(v1.ConditionMining, metav1.ConditionFalse, v1.ReasonNoNodes)
	if err := scale(3); err != nil {
		t.Errorf("scaled to 3 nodes: %v", err)
	}
	net.WaitCondition(v1.ConditionMining, metav1.ConditionTrue, v1.ReasonMining)
}

// After quick blocks the time of the next one is the median time plus one on both sides of a partition, as long as that is ahead of the
// clock: an hour and a half after the last number.
func TestAPartitionForksAfterAnyNumberOfQuickBlocks(t *testing.T) {
	t.Parallel()
	for _, quick := range []int{0, 1_000, 10_000, 30_000} {
		t.Run(fmt.Sprint(quick), func(t *testing.T) {
			t.Parallel()
			net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 4})
			if _, err := net.Node(0).Call("generatetodescriptor", float64(quick), "raw(6a0130)"); err != nil {
				t.Fatal(err)
			}
			net.Update(func(n *v1.BitcoinNetwork) {
				n.Spec.Partitions, n.Spec.Mining = []v1.Partition{{Nodes: []int32{0, 1}}}, miningEvery(time.Second)
			})
			net.Eventually("two branches", func(n *v1.BitcoinNetwork) error {
				if n.Status.ChainTips != 2 || n.Status.Height < int64(quick)+2 {
					return fmt.Errorf("%d tips at height %d", n.Status.ChainTips, n.Status.Height)
				}
				return nil
			})
			net.Wait("a block of each side", func() error {
				left, right := net.Node(0).Chain(), net.Node(2).Chain()
				if len(left) <= quick || len(right) <= quick {
					return fmt.Errorf("%d and %d blocks", len(left), len(right))
				}
				if left[quick].Hash == right[quick].Hash {
					t.Fatalf("block %d is the same on both sides", quick+1)
				}
				return nil
			})
		})
	}
}
