package controller

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// An operator that is stopped gets no answers any more, and has none from before when it has just started.
func TestAPassThatIsEndedReportsNothing(t *testing.T) {
	for name, list := range map[string]bool{"while it waits for a node": false, "while it reads the pods": true} {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			patches, listing := 0, false
			r := newReconcileTest(t, interceptor.Funcs{
				SubResourcePatch: func(ctx context.Context, next client.Client, subresource string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
					patches++
					return next.SubResource(subresource).Patch(ctx, object, patch, options...)
				},
				List: func(ctx context.Context, next client.WithWatch, objects client.ObjectList, options ...client.ListOption) error {
					if listing {
						end()
						return errors.New("the cache has stopped")
					}
					return next.List(ctx, objects, options...)
				},
			})
			fake := newFakeNodes()
			fake.answer(0, healthyNode)
			r.nodes = fake.client(t)
			r.mustPass(t)
			r.startFirstPod(t)
			r.mustPass(t)
			if nodes := r.network(t).Status.Nodes; !nodes[0].Ready {
				t.Fatalf("the node that answers is not ready: %+v", nodes[0])
			}
			for len(r.events.Events) > 0 {
				<-r.events.Events
			}
			patches, listing, r.states = 0, list, newStateStore()
			released := make(chan struct{})
			defer close(released)
			fake.answer(0, func(string, []any) (any, error) {
				end()
				<-released
				return nil, errFake
			})
			_, _ = r.Reconcile(ctx, requestOfNet) // the work queue is stopped too
			if ctx.Err() == nil {
				t.Fatal("the pass was not ended")
			}
			if patches > 0 || len(r.events.Events) > 0 {
				t.Errorf("%d patches of the status, %d events, nodes %+v", patches, len(r.events.Events), r.network(t).Status.Nodes)
			}
		})
	}
}

// startFirstPod creates the pod of node 0, which is ready.
func (r *reconcileTest) startFirstPod(t *testing.T) {
	t.Helper()
	set := r.set(t)
	group := resources.Groups(r.network(t), "nodes:1")[0]
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: group.PodName(0), UID: types.UID(address(0)), Labels: group.Selector("net"),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: set.Name, UID: set.UID, Controller: ptr.To(true)}},
	}}
	pod.Status = withAddresses(make([]node, 1))[0].pod.Status
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if err := r.client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
}
