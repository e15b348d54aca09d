package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease/leasetest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A pass would need a client, which this reconciler does not have.
func TestNoPassStartsWithoutTheLease(t *testing.T) {
	r := &Reconciler{options: Options{Fence: lease.NewFence(logr.Discard())}}
	if result, err := r.Reconcile(t.Context(), ctrl.Request{}); err != nil || result.RequeueAfter != lease.Recheck {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAnActionWithoutTheLeaseIsNotCarriedOutAndHasNotFailed(t *testing.T) {
	for name, test := range map[string]struct {
		fence *lease.Fence
		acts  bool
	}{
		"an operator without an election": {nil, true},
		"an operator without its lease":   {lease.NewFence(logr.Discard()), false},
	} {
		requeued, acted := make(chan types.NamespacedName, 1), false
		b := &background{now: time.Now, fence: test.fence, requeue: func(key types.NamespacedName) { requeued <- key }}
		state := &networkState{shared: newShared()}
		b.run(t.Context(), state, "open 0", time.Minute, func(context.Context) error {
			acted = true
			return nil
		})
		if <-requeued; acted != test.acts {
			t.Errorf("%s: acted %t", name, acted)
		}
		b.actions.Wait()
		// Only the time of the next attempt.
		if failure, failed := state.shared.failures["open 0"]; failed == test.acts || failure.Message != "" {
			t.Errorf("%s: failure %+v", name, failure)
		}
	}
}

func TestNoObjectIsDeletedAfterTheLeaseIsLost(t *testing.T) {
	fence, acquire, lose := leasetest.New()
	acquire()
	deletes := 0
	faults := interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
		deletes++
		lose()
		return nil
	}}
	r := &Reconciler{client: lease.Client(fake.NewClientBuilder().WithInterceptorFuncs(faults).Build(), fence)}
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ln", UID: "ln-uid"}}
	existing := map[string]client.Object{}
	for _, name := range []string{"a", "b"} {
		existing[name] = &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, OwnerReferences: []metav1.OwnerReference{{UID: network.UID, Controller: ptr.To(true)}},
		}}
	}
	if err := r.deleteUndesired(t.Context(), network, &networkState{}, existing, nil); !errors.Is(err, lease.ErrNotRenewed) || deletes != 1 {
		t.Errorf("%d deletes, %v", deletes, err)
	}
}
