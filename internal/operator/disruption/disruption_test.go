package disruption

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestABudgetIsForNetworksOnSeveralClusterNodes(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	placed := func(on string, ago time.Duration) corev1.Pod {
		return corev1.Pod{Spec: corev1.PodSpec{NodeName: on}, Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-ago))},
		}}}
	}
	pending := func(ago time.Duration) corev1.Pod {
		pod := placed("", ago)
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
		return pod
	}
	long := 24 * time.Hour
	for name, test := range map[string]struct {
		pods             []corev1.Pod
		created, remains bool
	}{
		"no pods":                                   {nil, false, false},
		"one cluster node":                          {[]corev1.Pod{placed("a", long), placed("a", long)}, false, false},
		"two cluster nodes":                         {[]corev1.Pod{placed("a", long), placed("b", long)}, true, true},
		"all have been moved to one":                {[]corev1.Pod{placed("a", long), placed("a", outlivesMove-1)}, false, true},
		"all are on one for a while":                {[]corev1.Pod{placed("a", long), placed("a", outlivesMove)}, false, false},
		"one finds no cluster node":                 {[]corev1.Pod{placed("a", long), placed("b", long), pending(givesUpAfter)}, true, true},
		"one has found no cluster node for a while": {[]corev1.Pod{placed("a", long), placed("b", long), pending(givesUpAfter + 1)}, false, false},
		"the last one is drained":                   {[]corev1.Pod{placed("a", long), pending(0)}, false, false},
		"none is placed yet":                        {[]corev1.Pod{pending(0), {}}, false, false},
	} {
		if got := BudgetDesired(false, test.pods, now); got != test.created {
			t.Errorf("%s: created %v", name, got)
		}
		if got := BudgetDesired(true, test.pods, now); got != test.remains {
			t.Errorf("%s: remains %v", name, got)
		}
	}
}
