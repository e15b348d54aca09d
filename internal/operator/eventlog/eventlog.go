// Package eventlog records the events of a resource: one for each transition between two statuses, bounded as the API server requires.
package eventlog

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

// maxNote is the API server's limit in bytes.
const maxNote = 1024

// Event is a transition that is recorded.
type Event struct {
	// Type is corev1.EventTypeNormal or EventTypeWarning.
	Type, Reason, Action, Note string
	// Pod that the event is about, the first of several; "" for the whole resource. The recorder aggregates events that differ only
	// in their notes.
	Pod string
}

// Record the events of a resource. It is called after the new status is written, so that each transition is recorded once, also when the
// operator restarts.
func Record(recorder events.EventRecorder, resource client.Object, list ...Event) {
	for _, e := range list {
		recorder.Eventf(resource, e.relatedPod(resource.GetNamespace()), e.Type, e.Reason, e.Action, "%s", truncate.UTF8(e.Note, maxNote))
	}
}

func (e Event) relatedPod(namespace string) runtime.Object {
	if e.Pod == "" {
		return nil
	}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: e.Pod},
	}
}

// Stalled is the event for a condition Stalled that has become true, or has another reason; none otherwise.
func Stalled(before, now []metav1.Condition, conditionType string) []Event {
	old, stalled := meta.FindStatusCondition(before, conditionType), meta.FindStatusCondition(now, conditionType)
	if !meta.IsStatusConditionTrue(now, conditionType) || old != nil && old.Reason == stalled.Reason {
		return nil
	}
	return []Event{{Type: corev1.EventTypeWarning, Reason: stalled.Reason, Action: "Start", Note: stalled.Message}}
}

// Failed is the event for a condition that has this reason of a failed reconcile pass, and did not have it before; none otherwise.
func Failed(before, now []metav1.Condition, conditionType, reason string) []Event {
	has := func(conditions []metav1.Condition) *metav1.Condition {
		if c := meta.FindStatusCondition(conditions, conditionType); c != nil && c.Reason == reason {
			return c
		}
		return nil
	}
	failed := has(now)
	if failed == nil || has(before) != nil {
		return nil
	}
	return []Event{{Type: corev1.EventTypeWarning, Reason: failed.Reason, Action: "Reconcile", Note: failed.Message}}
}
