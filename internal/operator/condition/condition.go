// Package condition evaluates the conditions of a resource: chains of policies for those that are observed, and Ready, Reconciling and
// Stalled, which kstatus reads, derived from them.
package condition

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxMessage is the API server's limit in bytes.
const maxMessage = 32768

// Result is that of one condition.
type Result struct {
	// Met is whether the condition is true.
	Met             bool
	Reason, Message string
}

// True is a condition that is met.
func True(reason, message string) Result { return Result{true, reason, message} }

// False is a condition that is not met.
func False(reason, message string) Result { return Result{false, reason, message} }

// Of is the condition in a status; false if it does not exist.
func Of(conditions []metav1.Condition, conditionType string) (Result, bool) {
	c := meta.FindStatusCondition(conditions, conditionType)
	if c == nil {
		return Result{}, false
	}
	return Result{c.Status == metav1.ConditionTrue, c.Reason, c.Message}, true
}

// Policy returns the reason and the message why a condition is not met, or violated = false.
type Policy[In any] func(in In) (reason, message string, violated bool)

// Chain evaluates a condition: the first violated policy decides.
type Chain[In any] struct {
	Policies []Policy[In]
	// Met is the reason and the message of the condition when no policy is violated.
	Met func(in In) (reason, message string)
}

// Evaluate the condition.
func (c Chain[In]) Evaluate(in In) Result {
	for _, violates := range c.Policies {
		if reason, message, violated := violates(in); violated {
			return False(reason, message)
		}
	}
	return True(c.Met(in))
}

// Derived are the conditions that follow from the others.
type Derived struct{ Ready, Reconciling, Stalled Result }

// Derive returns the derived conditions. Ready is the first of the observed conditions that is not met, or whenMet. stalled is the
// observed condition that needs the user to act, nil for none.
func Derive(whenMet Result, observed []Result, stalled *Result) Derived {
	d := Derived{
		Ready: whenMet, Stalled: False(v1.ReasonProgressing, "no action by a user is needed"),
		Reconciling: False(v1.ReasonSettled, "the operator has nothing left to do"),
	}
	if i := slices.IndexFunc(observed, func(r Result) bool { return !r.Met }); i >= 0 {
		d.Ready = observed[i]
	}
	switch {
	case stalled != nil:
		d.Stall(stalled.Reason, stalled.Message)
	case !d.Ready.Met:
		d.Reconciling = True(v1.ReasonProgressing, d.Ready.Message)
	}
	return d
}

// Stall reports that the user must act.
func (d *Derived) Stall(reason, message string) {
	d.Stalled = True(reason, message)
	d.Reconciling = False(reason, "the network needs action by the user: "+message)
}

// Set updates conditions, in this order. Those whose value has not changed keep their transition time.
func Set(conditions *[]metav1.Condition, results map[string]Result, order []string, generation int64) {
	for conditionType, c := range results {
		status := metav1.ConditionFalse
		if c.Met {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: conditionType, Status: status, Reason: c.Reason, Message: truncate.UTF8(c.Message, maxMessage), ObservedGeneration: generation,
		})
	}
	slices.SortStableFunc(*conditions, func(a, b metav1.Condition) int {
		return slices.Index(order, a.Type) - slices.Index(order, b.Type)
	})
}
