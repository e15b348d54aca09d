package controller

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var (
	testKey      = client.ObjectKey{Namespace: "ns", Name: "net"}
	requestOfNet = ctrl.Request{NamespacedName: testKey}
)

// slowCache returns the kept network, if there is one, instead of the current one.
type slowCache struct {
	client.Client
	kept *v1.BitcoinNetwork
}

func (c *slowCache) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if network, ok := object.(*v1.BitcoinNetwork); ok && c.kept != nil {
		c.kept.DeepCopyInto(network)
		return nil
	}
	return c.Client.Get(ctx, key, object, options...)
}

// reconcileTest reconciles the network net, of three nodes whose pods are never created, with a clock of its own.
type reconcileTest struct {
	*Reconciler
	cache  *slowCache
	events *events.FakeRecorder
	clock  time.Time
}

func newReconcileTest(t *testing.T, faults interceptor.Funcs) *reconcileTest {
	t.Helper()
	r := &reconcileTest{Reconciler: fakeAPIWith(t, faults, testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})), clock: time.Now()}
	r.cache, r.events = &slowCache{Client: r.client}, events.NewFakeRecorder(100)
	r.client, r.recorder, r.states, r.pollInterval = r.cache, r.events, newStateStore(), time.Minute
	r.now = func() time.Time { return r.clock }
	r.nodes = &nodeClient{now: r.now, credential: testCredential}
	return r
}

// pass runs a pass, a minute after the last one.
func (r *reconcileTest) pass(t *testing.T) (ctrl.Result, error) {
	t.Helper()
	r.clock = r.clock.Add(time.Minute)
	return r.Reconcile(t.Context(), requestOfNet)
}

func (r *reconcileTest) set(t *testing.T) *appsv1.StatefulSet {
	t.Helper()
	set := &appsv1.StatefulSet{}
	if err := r.cache.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, set); err != nil {
		t.Fatal(err)
	}
	return set
}

func (r *reconcileTest) mustPass(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := r.pass(t)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (r *reconcileTest) network(t *testing.T) *v1.BitcoinNetwork {
	t.Helper()
	network := &v1.BitcoinNetwork{}
	if err := r.cache.Get(t.Context(), testKey, network); err != nil {
		t.Fatal(err)
	}
	return network
}

func TestAPassWithASlowCacheRecordsNoEventTwice(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	before := r.network(t)
	r.mustPass(t)
	recorded := len(r.events.Events)
	r.cache.kept = before
	r.mustPass(t)
	if recorded == 0 || len(r.events.Events) != recorded {
		t.Errorf("%d events, and %d after a pass over the network as it was before", recorded, len(r.events.Events))
	}
}

// A StatefulSet's controller would restart all pods by itself; each pass allows at most one more.
func TestPassesLetARolloutProceedFromNodeToNode(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	r.mustPass(t)
	network := r.network(t)
	network.Spec.Image, network.Generation = "nodes:2", 2
	if err := r.cache.Update(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	var partitions []int32
	for range 3 {
		r.mustPass(t)
		set := r.set(t)
		if got := set.Spec.Template.Spec.Containers[0].Image; got != "nodes:2" {
			t.Fatalf("the template has %s", got)
		}
		partitions = append(partitions, partitionOf(set))
	}
	// The last node is first, and the others wait until its pod exists.
	if want := []int32{3, 2, 2}; !slices.Equal(partitions, want) {
		t.Errorf("partitions %d, want %d", partitions, want)
	}
}

// apiFaults makes one kind of request fail while on is true.
type apiFaults struct {
	on  bool
	err error
}

func (f *apiFaults) inject(matches bool) error {
	if f.on && matches {
		return f.err
	}
	return nil
}

// list fails the lists of a kind after so many of them.
func (f *apiFaults) list(kind client.ObjectList, after int) interceptor.Funcs {
	seen := 0
	return interceptor.Funcs{List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		matches := reflect.TypeOf(list) == reflect.TypeOf(kind)
		if matches {
			seen++
		}
		if err := f.inject(matches && seen > after); err != nil {
			return err
		}
		return next.List(ctx, list, options...)
	}}
}

func (f *apiFaults) create() interceptor.Funcs {
	return interceptor.Funcs{Create: func(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if err := f.inject(true); err != nil {
			return err
		}
		return next.Create(ctx, object, options...)
	}}
}

func (f *apiFaults) patchStatus() interceptor.Funcs {
	return interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, next client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
	) error {
		if err := f.inject(true); err != nil {
			return err
		}
		return next.SubResource(sub).Patch(ctx, object, patch, options...)
	}}
}

// The condition and the event have the error; without the status there is only the event.
func TestAFailedPassIsReportedAndRetried(t *testing.T) {
	for name, test := range map[string]struct {
		fault  func(*apiFaults) interceptor.Funcs
		during string
		events string
	}{
		"the pods cannot be listed": {
			func(f *apiFaults) interceptor.Funcs { return f.list(&corev1.PodList{}, 0) }, "list the pods of the network", "ReconcileFailed",
		},
		"the pods cannot be listed again": {
			func(f *apiFaults) interceptor.Funcs { return f.list(&corev1.PodList{}, 2) }, "list the pods of the network", "ReconcileFailed",
		},
		"the StatefulSets cannot be listed": {
			func(f *apiFaults) interceptor.Funcs { return f.list(&appsv1.StatefulSetList{}, 0) }, "read the objects of the network", "ReconcileFailed",
		},
		"an object cannot be created":  {(*apiFaults).create, "apply Service net-svc", "Created ReconcileFailed"},
		"the status cannot be patched": {(*apiFaults).patchStatus, "", "ReconcileFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := &apiFaults{on: true, err: errors.New("the API server is down")}
			r := newReconcileTest(t, test.fault(faults))
			for range 3 {
				if _, err := r.pass(t); !errors.Is(err, faults.err) || !strings.Contains(err.Error(), test.during) {
					t.Errorf("the error is %v", err)
				}
			}
			conditions := r.network(t).Status.Conditions
			switch nodesReady := meta.FindStatusCondition(conditions, v1.ConditionNodesReady); {
			case test.during == "":
				if nodesReady != nil {
					t.Errorf("the status is written: %+v", nodesReady)
				}
			case nodesReady == nil || nodesReady.Reason != v1.ReasonReconcileFailed || !strings.Contains(nodesReady.Message, test.during) ||
				!strings.Contains(nodesReady.Message, "the API server is down"):
				t.Errorf("the condition is %+v", nodesReady)
			case !meta.IsStatusConditionFalse(conditions, v1.ConditionReady) || !meta.IsStatusConditionTrue(conditions, v1.ConditionReconciling):
				t.Errorf("the conditions are %+v", conditions)
			}
			if got := r.reasons(); got != test.events {
				t.Errorf("events %q, want %q", got, test.events)
			}
			faults.on = false
			r.mustPass(t)
			nodesReady := meta.FindStatusCondition(r.network(t).Status.Conditions, v1.ConditionNodesReady)
			if nodesReady == nil || nodesReady.Reason != v1.ReasonNodesStarting || r.network(t).Status.ObservedGeneration != 1 {
				t.Errorf("after the recovery: %+v", nodesReady)
			}
			if got := test.events + " " + r.reasons(); strings.Count(got, "Created") != 1 {
				t.Errorf("all events are %q", got)
			}
		})
	}
}

// reasons are those of the events since the last call.
func (r *reconcileTest) reasons() string {
	var reasons []string
	for len(r.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-r.events.Events)[1])
	}
	return strings.Join(reasons, " ")
}
