package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// errWebhook is what an API server answers while the pods of an admission webhook do not run.
var errWebhook = apierrors.NewInternalError(errors.New(
	`failed calling webhook "sets.example.org": failed to call webhook: Post "https://policy.example.svc:443/?timeout=10s": no endpoints available for service "policy"`))

// failingSets is a network whose StatefulSet the API server does not write, in the real work queue. Each attempt takes its time.
type failingSets struct {
	*Reconciler
	recorder *events.FakeRecorder
	passes   chan event.GenericEvent
	mu       sync.Mutex
	// err is what the API server answers, nil when it works again.
	err error
	// attempts are the times of the writes since the start, and patches the number of writes of the status.
	attempts []time.Duration
	patches  int
}

func runFailingSets(t *testing.T, network *v1.BitcoinNetwork, took time.Duration, err error) *failingSets {
	t.Helper()
	started := time.Now()
	f := &failingSets{err: err, recorder: events.NewFakeRecorder(1000), passes: make(chan event.GenericEvent)}
	attempt := func(name string) error {
		if name != "net-sts" {
			return nil
		}
		f.mu.Lock()
		f.attempts = append(f.attempts, time.Since(started))
		f.mu.Unlock()
		time.Sleep(took)
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.err
	}
	f.Reconciler = fakeAPIWith(t, interceptor.Funcs{
		Create: func(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if err := attempt(object.GetName()); err != nil {
				return err
			}
			return next.Create(ctx, object, options...)
		},
		Apply: func(ctx context.Context, next client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := attempt(nameOf(object)); err != nil {
				return err
			}
			return next.Apply(ctx, object, options...)
		},
		SubResourcePatch: func(
			ctx context.Context, next client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
		) error {
			f.mu.Lock()
			f.patches++
			f.mu.Unlock()
			return next.SubResource(sub).Patch(ctx, object, patch, options...)
		},
	}, network)
	f.Reconciler.recorder, f.states, f.pollInterval, f.now = f.recorder, newStateStore(), 5*time.Second, time.Now
	f.nodes = newFakeNodes().client(t)
	c, cErr := controller.NewTypedUnmanaged(t.Name(), controller.Options{Reconciler: f, RateLimiter: f.retries, SkipNameValidation: ptr.To(true)})
	if cErr != nil {
		t.Fatal(cErr)
	}
	if err := c.Watch(source.Channel(f.passes, &handler.EnqueueRequestForObject{})); err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := c.Start(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	f.event()
	return f
}

// event is a watch event for the network or an object of it.
func (f *failingSets) event() {
	f.passes <- event.GenericEvent{Object: testNetwork(v1.BitcoinNetworkSpec{})}
}

// attemptsAfter are the number of attempts that an action causes within five seconds.
func (f *failingSets) attemptsAfter(action func()) int {
	before := len(f.sofar())
	action()
	f.event()
	time.Sleep(5 * time.Second)
	return len(f.sofar()) - before
}

// sofar are the times of the writes until now.
func (f *failingSets) sofar() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.attempts)
}

// recover makes the API server work again.
func (f *failingSets) recover() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = nil
}

// The gap between two passes is longer than the first retries, and mining and polling start passes in between.
func TestAFailingWriteIsRetriedUpToEveryHalfMinute(t *testing.T) {
	for name, test := range map[string]struct {
		took time.Duration
		err  error
		spec v1.BitcoinNetworkSpec
	}{
		"at once":                 {0, errWebhook, v1.BitcoinNetworkSpec{Nodes: 3}},
		"slowly":                  {300 * time.Millisecond, errWebhook, v1.BitcoinNetworkSpec{Nodes: 3}},
		"very slowly":             {3 * time.Second, errWebhook, v1.BitcoinNetworkSpec{Nodes: 3}},
		"with mining":             {300 * time.Millisecond, errWebhook, v1.BitcoinNetworkSpec{Nodes: 3, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}}},
		"with a rejection":        {300 * time.Millisecond, apierrors.NewForbidden(schema.GroupResource{}, "net-sts", errFake), v1.BitcoinNetworkSpec{Nodes: 3, Mining: &v1.Mining{}}},
		"with a lasting conflict": {0, apierrors.NewConflict(schema.GroupResource{}, "net-sts", errFake), v1.BitcoinNetworkSpec{Nodes: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := runFailingSets(t, testNetwork(test.spec), test.took, test.err)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				longest := time.Duration(0)
				for i := 1; i < len(f.attempts); i++ {
					gap := f.attempts[i] - f.attempts[i-1]
					if gap < longest {
						t.Errorf("attempt %d comes %s after the one before, which waited %s", i, gap, longest)
					}
					longest = max(longest, min(gap, maxRetryInterval))
				}
				if longest != maxRetryInterval || len(f.attempts) < 20 || len(f.attempts) > 32 {
					t.Errorf("%d attempts in ten minutes: %s", len(f.attempts), f.attempts)
				}
				if f.patches > 3 {
					t.Errorf("%d writes of the status", f.patches)
				}
			})
		})
	}
}

func TestAChangeIsAttemptedAtOnceInTheMiddleOfRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
		f := runFailingSets(t, network, 300*time.Millisecond, errWebhook)
		// A second after an attempt, the next one is half a minute away.
		wait := func() {
			for n := len(f.sofar()); len(f.sofar()) == n; {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Minute)
		wait()
		if got := f.attemptsAfter(func() {}); got != 0 {
			t.Errorf("an event without a change caused %d attempts", got)
		}
		wait()
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net-config"}}
		got := f.attemptsAfter(func() {
			if err := f.client.Delete(t.Context(), object); err != nil {
				t.Error(err)
			}
		})
		if got == 0 || f.client.Get(t.Context(), client.ObjectKeyFromObject(object), object) != nil {
			t.Errorf("a deleted object of the network: %d attempts", got)
		}
		wait()
		got = f.attemptsAfter(func() {
			var current v1.BitcoinNetwork
			if err := f.client.Get(t.Context(), testKey, &current); err != nil {
				t.Error(err)
			}
			current.Spec.Nodes, current.Generation = 4, 2
			if err := f.client.Update(t.Context(), &current); err != nil {
				t.Error(err)
			}
		})
		// The retries of another specification start again.
		if got < 3 {
			t.Errorf("a changed specification: %d attempts", got)
		}
		f.recover()
		time.Sleep(maxRetryInterval + time.Second)
		if err := f.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, &appsv1.StatefulSet{}); err != nil {
			t.Errorf("after the recovery: %v", err)
		}
	})
}

// A brand-new network has the failure in its status after the first attempt, and once in an event.
func TestANewNetworkWhoseObjectsFailReportsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := runFailingSets(t, testNetwork(v1.BitcoinNetworkSpec{Nodes: 3}), 300*time.Millisecond, errWebhook)
		time.Sleep(time.Second)
		var network v1.BitcoinNetwork
		if err := f.client.Get(t.Context(), testKey, &network); err != nil {
			t.Fatal(err)
		}
		ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != v1.ReasonReconcileFailed ||
			!strings.Contains(ready.Message, "StatefulSet net-sts") || !strings.Contains(ready.Message, "sets.example.org") {
			t.Errorf("Ready is %+v", ready)
		}
		if network.Status.ObservedGeneration != 1 || len(network.Status.Nodes) != 3 {
			t.Errorf("the status is %+v", network.Status)
		}
		if !meta.IsStatusConditionTrue(network.Status.Conditions, v1.ConditionReconciling) || !meta.IsStatusConditionFalse(network.Status.Conditions, v1.ConditionStalled) {
			t.Errorf("the conditions are %+v", network.Status.Conditions)
		}
		time.Sleep(10 * time.Minute)
		failures := 0
		for len(f.recorder.Events) > 0 {
			if note := <-f.recorder.Events; strings.Contains(note, v1.ReasonReconcileFailed) {
				failures++
				if !strings.Contains(note, "Warning") || !strings.Contains(note, "sets.example.org") {
					t.Errorf("the event is %q", note)
				}
			}
		}
		if failures != 1 {
			t.Errorf("%d events", failures)
		}
	})
}

// The cache is a moment behind; the next pass has the latest object.
func TestASingleConflictIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := runFailingSets(t, testNetwork(v1.BitcoinNetworkSpec{Nodes: 3}), 0, apierrors.NewConflict(schema.GroupResource{}, "net-sts", errFake))
		synctest.Wait()
		f.recover()
		time.Sleep(time.Minute)
		for len(f.recorder.Events) > 0 {
			if note := <-f.recorder.Events; strings.Contains(note, v1.ReasonReconcileFailed) {
				t.Errorf("event %q", note)
			}
		}
		if got := f.sofar(); len(got) != 2 {
			t.Errorf("%d attempts", len(got))
		}
	})
}
