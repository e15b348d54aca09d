package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The API server may have written an object and still answer with an error. The partition of the StatefulSet then keeps the old
// template in all pods.
func TestARolloutProceedsAfterAnApplyWhoseAnswerIsLost(t *testing.T) {
	lost := false
	r := newReconcileTest(t, interceptor.Funcs{
		Apply: func(ctx context.Context, next client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := next.Apply(ctx, object, options...); err != nil {
				return err
			}
			if !lost && nameOf(object) == "net-sts" {
				lost = true
				return apierrors.NewTimeoutError("the answer is lost", 0)
			}
			return nil
		},
	})
	r.mustPass(t)
	network := r.network(t)
	network.Spec.Image, network.Generation = "nodes:2", 2
	if err := r.cache.Update(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if _, err := r.pass(t); err == nil || !lost {
		t.Fatalf("lost %v, error %v", lost, err)
	}
	if partition := partitionOf(r.set(t)); partition != 3 {
		t.Fatalf("the partition is %d", partition)
	}
	for range 3 {
		r.mustPass(t)
	}
	if partition := partitionOf(r.set(t)); partition != 2 {
		t.Errorf("the rollout stays at partition %d", partition)
	}
}

func TestAPanicOfAPassIsReported(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { panic("broken") },
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the work queue does not see the panic")
			}
		}()
		_, _ = r.pass(t)
	}()
	ready := meta.FindStatusCondition(r.network(t).Status.Conditions, v1.ConditionReady)
	if ready == nil || ready.Reason != v1.ReasonReconcileFailed || !strings.Contains(ready.Message, "panic: broken") {
		t.Errorf("Ready is %+v", ready)
	}
}

// Each other message would be a write of the status.
func TestAFailureMessageIsBoundedAndTheSameEachTime(t *testing.T) {
	dial := func(port int) string {
		return phrase.OfFailure(fmt.Errorf("apply Service net-svc: Post \"https://10.96.0.1:443/api\": read tcp 10.244.0.7:%d->10.96.0.1:443: read: connection reset by peer", port))
	}
	if dial(40001) != dial(40002) || !strings.Contains(dial(1), "10.96.0.1:443: read: connection reset by peer") {
		t.Errorf("%q", dial(40001))
	}
	long := phrase.OfFailure(errors.New(strings.Repeat("日", 20_000)))
	if len(long) > 2048+100 || !utf8.ValidString(long) || !strings.HasSuffix(long, "; the operator tries again") {
		t.Errorf("%d bytes", len(long))
	}
}

// A StatefulSet's status changes with each of its pods; that is no reason to send a failing request again.
func TestTheMarkOfAStatefulSetIsThatOfItsSpecification(t *testing.T) {
	set := func(change func(*appsv1.StatefulSet)) string {
		s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Generation: 1, ResourceVersion: "1", ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: resources.FieldManager, Operation: "Apply"}, {Manager: "kube-controller-manager", Subresource: "status"},
		}}}
		change(s)
		return markOf(s)
	}
	same := set(func(*appsv1.StatefulSet) {})
	for name, test := range map[string]struct {
		change func(*appsv1.StatefulSet)
		equal  bool
	}{
		"a status": {func(s *appsv1.StatefulSet) {
			s.ResourceVersion, s.Status.ReadyReplicas, s.ManagedFields[1].Time = "2", 1, ptr.To(metav1.Now())
		}, true},
		"a specification": {func(s *appsv1.StatefulSet) { s.Generation = 2 }, false},
		"a label":         {func(s *appsv1.StatefulSet) { s.Labels = map[string]string{"a": "b"} }, false},
		"an owner":        {func(s *appsv1.StatefulSet) { s.OwnerReferences = []metav1.OwnerReference{{Name: "net"}} }, false},
		"a manager":       {func(s *appsv1.StatefulSet) { s.ManagedFields[0].Manager = "kubectl-edit" }, false},
		"another object":  {func(s *appsv1.StatefulSet) { s.UID = "2" }, false},
	} {
		if got := set(test.change) == same; got != test.equal {
			t.Errorf("%s: equal %v", name, got)
		}
	}
}
