package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// endsAfter runs a command, which must not end before the event.
func (w *world) endsAfter(event func(), args ...string) {
	w.Helper()
	done := make(chan int, 1)
	go func() { done <- w.run(args...) }()
	select {
	case code := <-done:
		w.Fatalf("%q ended with %d before what it waits for: %s%s", args, code, w.out.String(), w.err.String())
	case <-time.After(50 * time.Millisecond):
	}
	event()
	if code := <-done; code != 0 {
		w.Errorf("%q ended with %d: %s", args, code, w.err.String())
	}
}

func (w *world) spec() v1.BitcoinNetworkSpec {
	w.Helper()
	network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Get(w.Context(), "net", metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return network.Spec
}

func TestPartitionWaitsUntilNoConnectionCrosses(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 4})
	var cut atomic.Bool
	w.nodes.crossing = func(a, b *node) bool { return !cut.Load() || (a.ordinal < 2) == (b.ordinal < 2) }
	w.endsAfter(func() { cut.Store(true) }, "partition", "net", "0,1")
	if got := w.out.String(); got != "net is partitioned: nodes 0, 1 | the others; kubectl btcnet heal net connects them again\n" {
		t.Errorf("it printed %q", got)
	}
	if sides := w.spec().Partitions; len(sides) != 1 || !slices.Equal(sides[0].Nodes, []int32{0, 1}) {
		t.Errorf("the partitions are %+v", sides)
	}
	w.works("mine", "net/0", "1")
	w.works("mine", "net/3", "1")
	w.nodes.byPod["net-sts-3"].inactive = true
	w.endsAfter(func() { cut.Store(false) }, "heal", "net")
	if got := w.out.String(); got != "net is connected; the branches have the same height: kubectl btcnet mine net 1 decides which one wins\n" || w.spec().Partitions != nil {
		t.Errorf("it printed %q, and left %+v", got, w.spec().Partitions)
	}
	w.works("mine", "net", "1")
	if got := w.works("heal", "net"); got != "net is connected; all nodes have one best block\n" || w.nodes.byPod["net-sts-3"].best != w.nodes.byPod["net-sts-0"].best {
		t.Errorf("it printed %q", got)
	}
	w.nodes.crossing = func(_, _ *node) bool { return true }
	w.timesOut("the partition of net did not happen within 20ms: still connected are nodes 0 and 2, nodes 0 and 3, nodes 1 and 2, nodes 1 and 3",
		"partition", "net", "0-1", "--timeout", "20ms")
	w.fails(exitInvalid, "names node 4", "partition", "net", "0,4")
}

func TestReorgReplacesTheLastBlocksOnAllNodes(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net/1", "10")
	old := w.nodes.byPod["net-sts-2"].best
	var done struct {
		Depth, ForkHeight int64
		From, To          struct {
			Height int64
			Hash   string
		}
	}
	if err := json.Unmarshal([]byte(w.works("reorg", "net", "--depth", "3", "-o", "json")), &done); err != nil {
		t.Fatal(err)
	}
	if done.Depth != 3 || done.ForkHeight != 7 || done.From.Hash != old || done.From.Height != 10 || done.To.Height != 11 {
		t.Errorf("it was %+v", done)
	}
	if !slices.ContainsFunc(w.nodes.calls, func(call string) bool { return strings.HasPrefix(call, "net-sts-0 generatetoaddress 4 ") }) {
		t.Errorf("the branch does not have one block more than the depth: %q", w.nodes.calls)
	}
	for pod, at := range w.nodes.byPod {
		if at.best != done.To.Hash || len(at.invalid) > 0 {
			t.Errorf("%s has the best block %s, and takes %v for invalid", pod, at.best, at.invalid)
		}
	}
	w.fails(exitInvalid, "has 11 blocks, fewer than the depth 12", "reorg", "net", "--depth", "12")
	w.fails(exitInvalid, "--depth 0", "reorg", "net", "--depth", "0")
}

func TestReorgLeavesTransactionsInTheMempoolOnRequest(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "1")
	w.nodes.byPod["net-sts-0"].mempool = []string{"tx"}
	w.works("reorg", "net", "--empty", "--to", someAddress)
	if at := w.nodes.byPod["net-sts-0"]; len(at.mempool) != 1 || w.nodes.blocks[at.best].address != someAddress || w.height("net-sts-2") != 2 {
		t.Errorf("the mempool has %v, the chain %d blocks", at.mempool, w.height("net-sts-2"))
	}
}

// bitcoind itself loses the transactions of all but the last ten blocks.
func TestADeepReorgKeepsTheTransactionsOfAllBlocks(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "1")
	w.nodes.byPod["net-sts-0"].mempool = []string{"tx"}
	w.works("mine", "net", "25")
	w.works("reorg", "net", "--empty", "--depth", "25", "--to", someAddress)
	if at := w.nodes.byPod["net-sts-0"]; !slices.Equal(at.mempool, []string{"tx"}) || len(at.invalid) > 0 || w.height("net-sts-2") != 27 {
		t.Errorf("the mempool has %v, invalid are %v, the chain has %d blocks", at.mempool, at.invalid, w.height("net-sts-2"))
	}
}

// The node follows the old branch for a moment, when it is the highest of those that are still valid.
func TestASecondDeepReorgReplacesTheLastBlocksToo(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "27")
	for _, tip := range []int64{28, 29} {
		w.works("reorg", "net", "--depth", "15")
		at := w.nodes.byPod["net-sts-0"]
		if got := w.height("net-sts-2"); got != tip || len(at.invalid) > 0 {
			t.Errorf("the chain has %d blocks, want %d; invalid are %v", got, tip, at.invalid)
		}
	}
}

// The chain is as before when the reorganisation ends in the middle.
func TestAnIncompleteReorgLeavesNothing(t *testing.T) {
	w := newWorld(t, three())
	w.works("mine", "net", "5")
	old := w.nodes.byPod["net-sts-0"].best
	w.nodes.failing["net-sts-0 generatetoaddress"] = errors.New("connection lost")
	w.fails(exitFailed, "connection lost", "reorg", "net", "--depth", "2")
	if at := w.nodes.byPod["net-sts-0"]; at.best != old || len(at.invalid) > 0 {
		t.Errorf("the best block is %s, invalid are %v", at.best, at.invalid)
	}
	w.nodes.failing["net-sts-0 reconsiderblock"] = errors.New("connection lost again")
	w.fails(exitFailed, "may still be invalid on net-sts-0: call reconsiderblock", "reorg", "net", "--depth", "2")
}

func TestPauseCutsANodeForATime(t *testing.T) {
	w := newWorld(t, three())
	at := w.nodes.byPod["net-sts-1"]
	start := time.Now()
	if got := w.works("pause", "net/1", "60ms"); got != "net-sts-1 was cut from the network for 60ms, and is connected again\n" || at.inactive || time.Since(start) < 60*time.Millisecond {
		t.Errorf("it printed %q after %s", got, time.Since(start))
	}
	if !slices.Contains(w.nodes.calls, "net-sts-1 setnetworkactive false") {
		t.Errorf("the calls are %q", w.nodes.calls)
	}
	w.fails(exitInvalid, "names no node", "pause", "net", "1s")
	w.fails(exitInvalid, "not a duration", "pause", "net/1", "30")
}

func TestAnInterruptedPauseConnectsTheNode(t *testing.T) {
	w := newWorld(t, three())
	at := w.nodes.byPod["net-sts-1"]
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() { done <- w.runContext(ctx, "pause", "net/1", "1h") }()
	for cut := false; !cut; time.Sleep(time.Millisecond) {
		w.nodes.mu.Lock()
		cut = at.inactive
		w.nodes.mu.Unlock()
	}
	time.Sleep(20 * time.Millisecond)
	cancel()
	if code := <-done; code != exitInterrupted || at.inactive {
		t.Errorf("it ended with %d, the node is cut: %t", code, at.inactive)
	}
}

// The answer to the first call is lost: the node may be cut all the same.
func TestAPauseWhoseAnswerIsLostConnectsTheNode(t *testing.T) {
	w := newWorld(t, three())
	w.nodes.byPod["net-sts-1"].inactive = true
	w.nodes.failing["net-sts-1 setnetworkactive false"] = errors.New("connection lost")
	w.fails(exitFailed, "connection lost", "pause", "net/1", "1h")
	if w.nodes.byPod["net-sts-1"].inactive {
		t.Error("the node is cut")
	}
}

func pod(name string, uid types.UID, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", UID: uid},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
}

func TestKillWaitsForTheNewPod(t *testing.T) {
	w := newWorld(t, three(), pod("net-sts-1", "old", corev1.ConditionTrue))
	var deleted metav1.DeleteOptions
	// The old pod takes some time to end.
	w.core.PrependReactor("delete", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		deleted = action.(clienttesting.DeleteActionImpl).DeleteOptions
		return true, nil, nil
	})
	w.endsAfter(func() {
		update := func(ready corev1.ConditionStatus) {
			if _, err := w.core.CoreV1().Pods("ns").Update(t.Context(), pod("net-sts-1", "new", ready), metav1.UpdateOptions{}); err != nil {
				t.Error(err)
			}
		}
		update(corev1.ConditionFalse)
		time.Sleep(50 * time.Millisecond)
		if strings.Contains(w.running.String(), "deleted") {
			t.Error("it has ended with a new pod that is not ready")
		}
		update(corev1.ConditionTrue)
	}, "kill", "net/1")
	if got := w.out.String(); got != "net-sts-1 is deleted; a new pod answers and has its connections\n" {
		t.Errorf("it printed %q", got)
	}
	if *deleted.GracePeriodSeconds != 1 || *deleted.Preconditions.UID != "old" {
		t.Errorf("the options are %+v", deleted)
	}
	w.fails(exitInvalid, "names no node", "kill", "net")
	w.fails(exitFailed, "its pod does not exist", "kill", "net/2")
	w.core.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, lacking("delete", "pods") })
	w.fails(exitFailed, `no right to delete pods in namespace "ns"`, "kill", "net/1")
	if strings.Contains(w.out.String(), "deleted") {
		t.Error("it reports a deletion")
	}
}
