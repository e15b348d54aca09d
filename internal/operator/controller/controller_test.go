package controller

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lateCache shows a network as it was when it was kept, as long as it keeps one.
type lateCache struct {
	client.Client
	kept *v1.BitcoinNetwork
}

func (c *lateCache) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if network, ok := object.(*v1.BitcoinNetwork); ok && c.kept != nil {
		c.kept.DeepCopyInto(network)
		return nil
	}
	return c.Client.Get(ctx, key, object, options...)
}

// looking is a reconciler that looks at the network net, of three nodes whose pods never come, a minute after the last time.
func looking(t *testing.T) (look func() ctrl.Result, cache *lateCache, recorder *events.FakeRecorder) {
	t.Helper()
	r := apiServer(t, func(string, string) error { return nil }, &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 3},
	})
	now := time.Now()
	cache, recorder = &lateCache{Client: r.client}, events.NewFakeRecorder(100)
	r.client, r.recorder, r.memory, r.poll = cache, recorder, newMemories(), time.Minute
	r.now = func() time.Time { return now }
	r.nodes = &fleet{now: r.now}
	return func() ctrl.Result {
		t.Helper()
		now = now.Add(time.Minute)
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "net"}})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}, cache, recorder
}

func TestALookOutOfALateCacheTellsNothingTwice(t *testing.T) {
	look, cache, recorder := looking(t)
	before := &v1.BitcoinNetwork{}
	if err := cache.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net"}, before); err != nil {
		t.Fatal(err)
	}
	look()
	told := len(recorder.Events)
	cache.kept = before
	look()
	if told == 0 || len(recorder.Events) != told {
		t.Errorf("%d events, and %d after a look at what was before", told, len(recorder.Events))
	}
}

// A StatefulSet's controller would change all pods by itself; it is let go on from look to look.
func TestALookLetsAChangeGoOnToTheNextNode(t *testing.T) {
	look, cache, _ := looking(t)
	look()
	network := &v1.BitcoinNetwork{}
	if err := cache.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net"}, network); err != nil {
		t.Fatal(err)
	}
	network.Spec.Image, network.Generation = "nodes:2", 2
	if err := cache.Update(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	var held []int32
	for range 3 {
		look()
		set := &appsv1.StatefulSet{}
		if err := cache.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, set); err != nil {
			t.Fatal(err)
		}
		if got := set.Spec.Template.Spec.Containers[0].Image; got != "nodes:2" {
			t.Fatalf("the template has %s", got)
		}
		held = append(held, heldBack(set))
	}
	// The last one goes first, and nobody else before it is there.
	if want := []int32{3, 2, 2}; !slices.Equal(held, want) {
		t.Errorf("held back: %d, want %d", held, want)
	}
}

// Each look at what is refused asks the API server, and only somebody's help mends it.
func TestWhatIsRefusedIsLookedAtLessAndLessOften(t *testing.T) {
	l := healthy()
	l.refused = &refusal{v1.ReasonNameTaken, "it is taken"}
	r := &Reconciler{poll: time.Minute}
	first, last := r.next(l), time.Duration(0)
	for range 30 {
		last = r.next(l)
	}
	if first != firstWait || last != longestRetry {
		t.Errorf("from %s to %s, want %s to %s", first, last, firstWait, longestRetry)
	}
}

// A look takes seconds here, by its clock, and a second later the gap to the next one is not over. When the nodes run by then it
// is over at once.
func TestTheLooksAfterTheLastNodeStartedFollowSoon(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "net-sts-0", Namespace: "ns", UID: "p", Labels: resources.Groups(network, "i")[0].Selector("net")}}
	r := apiServer(t, func(string, string) error { return nil }, network, pod)
	r.recorder, r.memory, r.poll = events.NewFakeRecorder(100), newMemories(), time.Minute
	var clock, step atomic.Int64
	step.Store(int64(3 * time.Second))
	r.now = func() time.Time { return time.Unix(0, clock.Add(step.Load())) }
	r.nodes = &fleet{now: r.now, wake: func(types.NamespacedName) {}, rpc: bitcoind.NewClient(nil, func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody answers")
	})}
	look := func() (time.Duration, pastLook) {
		t.Helper()
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(network)})
		if err != nil {
			t.Fatal(err)
		}
		return result.RequeueAfter, r.memory.of(network).lastLook
	}
	_, first := look()
	if first.took < longestGap || first.nodes != 1 || first.settled {
		t.Fatalf("the first look: %+v", first)
	}
	step.Store(0)
	clock.Add(int64(time.Second))
	if wait, last := look(); wait != longestGap-time.Second || last != first {
		t.Errorf("nobody runs: %s until the next look, want %s; another look: %v", wait, longestGap-time.Second, last != first)
	}
	pod.Status = corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{
		{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
	}}
	if err := r.client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	clock.Add(int64(time.Millisecond))
	if _, last := look(); last == first {
		t.Error("the node runs, and no look was taken")
	}
}
