package controller

import (
	"context"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
)

// An operator that is stopped gets no answers any more.
func TestAPassThatIsEndedReportsNothing(t *testing.T) {
	for name, prepare := range map[string]func(r *reconcileTest, end func()){
		"while it waits for LND": func(r *reconcileTest, end func()) {
			r.answers(func(_ http.ResponseWriter, request *http.Request) {
				end()
				<-request.Context().Done()
			})
		},
		"before it has read the objects": func(_ *reconcileTest, end func()) { end() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReconcileTest(t)
			// An operator that has started after the last answers.
			r.states = newStateStore()
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: resources.ObjectName("ln")}}
			if err := r.client.Delete(t.Context(), service); err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			prepare(r, end)
			_, _ = r.Reconcile(ctx, requestOfLN) // the work queue is stopped too
			r.noNews(t, "ended")
			if ctx.Err() == nil {
				t.Error("the pass was not ended")
			}
			if err := r.client.Get(t.Context(), client.ObjectKeyFromObject(service), service); !apierrors.IsNotFound(err) {
				t.Errorf("it wrote objects: %v", err)
			}
			r.answers(nil)
			r.pass(t, 0)
			r.noNews(t, "the next operator")
		})
	}
}
