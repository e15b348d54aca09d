package controller

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestADeletedNetworkIsForgotten(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	r.mustPass(t)
	if len(r.states.observations()) != 1 {
		t.Fatal("the network is not in the metrics")
	}
	if err := r.cache.Delete(t.Context(), r.network(t)); err != nil {
		t.Fatal(err)
	}
	if result := r.mustPass(t); result.RequeueAfter != 0 || len(r.states.observations()) != 0 {
		t.Errorf("requeued after %s, observations %v", result.RequeueAfter, r.states.observations())
	}
}

// The garbage collector deletes its objects; the operator must not create them again.
func TestANetworkThatIsBeingDeletedIsLeftAlone(t *testing.T) {
	writes := 0
	r := newReconcileTest(t, interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			writes++
			return nil
		},
	})
	network := r.network(t)
	network.DeletionTimestamp = &metav1.Time{Time: r.clock}
	r.cache.kept = network
	if result := r.mustPass(t); result.RequeueAfter != 0 || writes > 0 {
		t.Errorf("requeued after %s, %d writes", result.RequeueAfter, writes)
	}
}

// By the clock of this test a pass takes seconds, so that the gap after it is long. When the nodes run, the gap ends.
func TestTheGapEndsWhenTheLastNodeRuns(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "net-sts-0", Namespace: "ns", UID: "p", Labels: resources.Groups(network, "i")[0].Selector("net")}}
	r := fakeAPI(t, acceptAll, network, pod)
	r.recorder, r.states, r.pollInterval = events.NewFakeRecorder(100), newStateStore(), time.Minute
	var clock, step atomic.Int64
	step.Store(int64(3 * time.Second))
	r.now = func() time.Time { return time.Unix(0, clock.Add(step.Load())) }
	r.nodes = &nodeClient{
		now: r.now, credential: testCredential, requeue: func(types.NamespacedName) {},
		rpc: bitcoind.NewClient(nil, func(context.Context, string, string) (net.Conn, error) { return nil, errFake }),
	}
	pass := func() (time.Duration, lastPass) {
		t.Helper()
		result, err := r.Reconcile(t.Context(), requestOfNet)
		if err != nil {
			t.Fatal(err)
		}
		return result.RequeueAfter, r.states.of(network).lastPass
	}
	_, first := pass()
	if first.took < maxPassGap || first.pods != 1 || first.ready {
		t.Fatalf("the first pass: %+v", first)
	}
	step.Store(0)
	clock.Add(int64(time.Second))
	if wait, last := pass(); wait != maxPassGap-time.Second || last != first {
		t.Errorf("no node runs: %s until the next pass, want %s; another pass: %v", wait, maxPassGap-time.Second, last != first)
	}
	pod.Status = corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{
		{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
	}}
	if err := r.client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	clock.Add(int64(time.Millisecond))
	if _, last := pass(); last == first {
		t.Error("the node runs, and no pass was started")
	}
}
