package controller

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// beforeThePatch calls change before a patch of the status is sent.
func beforeThePatch(t *testing.T, change func(*v1.BitcoinNetwork)) interceptor.Funcs {
	t.Helper()
	return interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, next client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
	) error {
		if network := (&v1.BitcoinNetwork{}); change != nil {
			if err := next.Get(ctx, testKey, network); err != nil {
				t.Error(err)
			}
			change(network)
			change = nil
			if err := next.Update(ctx, network); err != nil {
				t.Error(err)
			}
		}
		return next.SubResource(sub).Patch(ctx, object, patch, options...)
	}}
}

// Another status may have been written meanwhile. The next pass reports what has changed since then.
func TestAStatusOfAnOldVersionIsWrittenByTheNextPass(t *testing.T) {
	r := newReconcileTest(t, beforeThePatch(t, func(n *v1.BitcoinNetwork) { n.Labels = map[string]string{"a": "b"} }))
	if _, err := r.pass(t); !apierrors.IsConflict(err) {
		t.Errorf("the pass ended with %v", err)
	}
	if got := r.network(t); got.Status.ObservedGeneration != 0 || got.Labels["a"] != "b" || r.reasons() != "" {
		t.Errorf("the network is %+v", got)
	}
	if r.mustPass(t); r.network(t).Status.ObservedGeneration != 1 || r.reasons() != "Created" {
		t.Errorf("after the next pass the status is %+v", r.network(t).Status)
	}
}

func TestAPassWithASlowCacheDoesNotConflictWithTheOneBefore(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	before := r.network(t)
	r.mustPass(t)
	set := r.set(t)
	set.Status.Replicas = 2
	if err := r.cache.Status().Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	r.cache.kept = before
	r.mustPass(t)
	r.cache.kept = nil
	if got := r.network(t).Status.Replicas; got != 2 {
		t.Errorf("%d replicas are reported", got)
	}
}

// Without its own version it would conflict for ever when the API server has its data from a backup, whose versions are lower.
func TestAfterAConflictTheVersionOfTheCacheCounts(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	r.mustPass(t)
	state := r.states.of(r.network(t))
	state.written.ResourceVersion = "1000000"
	set := r.set(t)
	set.Status.Replicas = 2
	if err := r.cache.Status().Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if _, err := r.pass(t); !apierrors.IsConflict(err) {
		t.Errorf("the pass ended with %v", err)
	}
	r.mustPass(t)
	if got := r.network(t).Status.Replicas; got != 2 {
		t.Errorf("%d replicas are reported", got)
	}
}
