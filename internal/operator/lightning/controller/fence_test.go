package controller

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
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
