// Package disruption decides which networks have a disruption budget.
package disruption

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A network has a disruption budget only where its nodes can go somewhere else. On a single cluster node, an evicted pod would stay
// pending, and a drain would wait for it without an end.
const (
	// outlivesMove is how long a network whose pods are all on one cluster node by now keeps its budget: when cluster nodes are
	// drained one after the other, the pods of two often meet on the last one.
	outlivesMove = 30 * time.Minute
	// givesUpAfter is how long a pod may find no cluster node before the budget is deleted, so that a drain proceeds. A new cluster
	// node takes some minutes to come.
	givesUpAfter = 5 * time.Minute
)

// BudgetDesired reports whether a network is to have a disruption budget, which it has already or not.
func BudgetDesired(exists bool, pods []corev1.Pod, now time.Time) bool {
	clusterNodes := map[string]bool{}
	var moved time.Time
	for i := range pods {
		scheduled := scheduledCondition(&pods[i])
		if scheduled == nil {
			continue
		}
		if scheduled.Status == corev1.ConditionFalse && now.Sub(scheduled.LastTransitionTime.Time) > givesUpAfter {
			return false
		}
		if on := pods[i].Spec.NodeName; on != "" {
			clusterNodes[on] = true
			if at := scheduled.LastTransitionTime.Time; at.After(moved) {
				moved = at
			}
		}
	}
	return len(clusterNodes) > 1 || exists && len(pods) > 0 && now.Sub(moved) < outlivesMove
}

func scheduledCondition(pod *corev1.Pod) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if condition := &pod.Status.Conditions[i]; condition.Type == corev1.PodScheduled {
			return condition
		}
	}
	return nil
}
