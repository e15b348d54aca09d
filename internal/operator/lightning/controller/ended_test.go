package controller

import (
	"context"
	"net/http"
	"testing"
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
			ctx, end := context.WithCancel(t.Context())
			prepare(r, end)
			_, _ = r.Reconcile(ctx, requestOfLN) // the work queue is stopped too
			r.noNews(t, "ended")
			if ctx.Err() == nil {
				t.Error("the pass was not ended")
			}
			r.answers(nil)
			r.pass(t, 0)
			r.noNews(t, "the next operator")
		})
	}
}
