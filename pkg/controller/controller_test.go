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

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/bitcoind"
	"github.com/christianb93/bitcoin-controller/pkg/resources"
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

// A look takes seconds here, by its clock. When the nodes run it is one of the last, and the next one comes soon.
func TestTheLooksAfterTheLastNodeStartedFollowSoon(t *testing.T) {
	for running, want := range map[bool]time.Duration{false: longestGap, true: longestLastGap} {
		network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "net-sts-0", Namespace: "ns", UID: "p", Labels: resources.Groups(network, "i")[0].Selector("net")}}
		if running {
			pod.Status = corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{
				{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}}
		}
		r := apiServer(t, func(string, string) error { return nil }, network, pod)
		r.recorder, r.memory, r.poll = events.NewFakeRecorder(100), newMemories(), time.Minute
		var seconds atomic.Int64
		r.now = func() time.Time { return time.Unix(seconds.Add(3), 0) }
		r.nodes = &fleet{now: r.now, wake: func(types.NamespacedName) {}, rpc: bitcoind.NewClient(nil, func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody answers")
		})}
		look := func() {
			t.Helper()
			if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(network)}); err != nil {
				t.Fatal(err)
			}
		}
		look()
		set := &appsv1.StatefulSet{}
		if err := r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, set); err != nil {
			t.Fatal(err)
		}
		pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
		if err := r.client.Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		look()
		if gap := r.memory.of(network).early(time.Unix(seconds.Load(), 0)); gap != want {
			t.Errorf("with nodes that run, %v: %s until the next look, want %s", running, gap, want)
		}
	}
}
