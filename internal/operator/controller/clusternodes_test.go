package controller

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// failedAt is when a cluster node was found not to be ready.
var failedAt = time.Unix(999_900, 0).UTC()

// podOn is a ready pod on a cluster node.
func podOn(clusterNode, name string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{NodeName: clusterNode}}
	for _, condition := range []corev1.PodConditionType{corev1.PodScheduled, corev1.ContainersReady, corev1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(failedAt.Add(-time.Hour)),
		})
	}
	return pod
}

func (c *podChange) set(kind corev1.PodConditionType, status corev1.ConditionStatus, reason string) {
	for i := range c.Status.Conditions {
		if condition := &c.Status.Conditions[i]; condition.Type == kind {
			condition.Status, condition.Reason, condition.LastTransitionTime = status, reason, metav1.NewTime(failedAt)
		}
	}
}

type podChange struct{ *corev1.Pod }

// onFailedNode is a pod as the controller of cluster nodes leaves it when a kubelet has not reported for a while.
func onFailedNode(clusterNode, name string) *corev1.Pod {
	pod := podOn(clusterNode, name)
	(&podChange{pod}).set(corev1.PodReady, corev1.ConditionFalse, "")
	return pod
}

// toEnd is a pod whose grace period ended at this time.
func toEnd(pod *corev1.Pod, at time.Time) *corev1.Pod {
	end := metav1.NewTime(at)
	pod.DeletionTimestamp = &end
	return pod
}

func TestAFailedClusterNodeShowsInThePod(t *testing.T) {
	now := failedAt.Add(100 * time.Second)
	changed := func(change func(*podChange)) *corev1.Pod {
		pod := podOn("worker", "n-sts-1")
		change(&podChange{pod})
		return pod
	}
	const failed = "pod n-sts-1 is on cluster node worker, which is not ready since 1970-01-12T13:45:00Z: wait until that returns, or delete the Node if it is gone for good"
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"a ready pod":                       {podOn("worker", "n-sts-1"), ""},
		"no pod":                            {nil, ""},
		"a pod that is to be placed":        {&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-1"}}, ""},
		"its cluster node is not ready":     {onFailedNode("worker", "n-sts-1"), failed},
		"it is marked for deletion besides": {toEnd(onFailedNode("worker", "n-sts-1"), now.Add(time.Minute)), failed},
		"its cluster node is not ready, and it was to end": {toEnd(onFailedNode("worker", "n-sts-1"), now.Add(-time.Minute)), failed},
		"its container does not answer the probe": {changed(func(c *podChange) {
			c.set(corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady")
			c.set(corev1.ContainersReady, corev1.ConditionFalse, "ContainersNotReady")
		}), ""},
		"it starts again after its cluster node returned": {changed(func(c *podChange) {
			c.set(corev1.PodReady, corev1.ConditionFalse, "")
			c.set(corev1.ContainersReady, corev1.ConditionFalse, "ContainersNotReady")
		}), ""},
		"a readiness gate of another controller": {changed(func(c *podChange) {
			c.set(corev1.PodReady, corev1.ConditionFalse, "ReadinessGatesNotReady")
		}), ""},
		"it ends":              {toEnd(podOn("worker", "n-sts-1"), now.Add(time.Second)), ""},
		"it has not ended yet": {toEnd(podOn("worker", "n-sts-1"), now.Add(-endOverdue)), ""},
		"it does not end": {
			toEnd(podOn("worker", "n-sts-1"), now.Add(-endOverdue-time.Second)),
			"pod n-sts-1 is on cluster node worker, which has not ended what was to end at 1970-01-12T13:46:29Z: wait until that returns, or delete the Node if it is gone for good",
		},
		"a finalizer holds it": {func() *corev1.Pod {
			pod := toEnd(podOn("worker", "n-sts-1"), now.Add(-time.Hour))
			pod.Finalizers = []string{"example.com/backup"}
			return pod
		}(), ""},
	} {
		if got := clusterNodeMessage([]*corev1.Pod{test.pod}, now); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTheMessageNamesEachFailedClusterNodeOnce(t *testing.T) {
	now := failedAt.Add(100 * time.Second)
	earlier := onFailedNode("worker2", "n-sts-3")
	earlier.Status.Conditions[2].LastTransitionTime = metav1.NewTime(failedAt.Add(-time.Second))
	got := clusterNodeMessage([]*corev1.Pod{
		toEnd(podOn("worker2", "n-sts-0"), now.Add(-time.Hour)), onFailedNode("worker2", "n-sts-1"), onFailedNode("worker", "n-sts-2"), earlier,
		podOn("worker3", "n-sts-4"),
	}, now)
	want := "pod n-sts-2 is on cluster node worker, which is not ready since 1970-01-12T13:45:00Z: wait until that returns, or delete the Node if it is gone for good; " +
		"pods n-sts-0, n-sts-1, n-sts-3 are on cluster node worker2, which is not ready since 1970-01-12T13:44:59Z: wait until that returns, or delete the Node if it is gone for good"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReadyNamesTheClusterNode(t *testing.T) {
	fail := func(in *policyInputs, i int) {
		podNotReady(in, i)
		in.nodes[i].pod = onFailedNode("worker", in.nodes[i].podName)
	}
	testReady(t, map[string]conditionTest{
		"a cluster node has failed": {func(in *policyInputs) { fail(in, 1) }, false, v1.ReasonClusterNodeFailed,
			"2 of 3 nodes are ready; pod n-sts-1 is on cluster node worker, which is not ready since"},
		"it has just failed": {func(in *policyInputs) {
			in.nodes[1].answer, in.nodes[1].pod = nil, podOn("worker", "n-sts-1")
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 on cluster node worker (no answer yet)"},
		"what only the user can correct comes first": {func(in *policyInputs) {
			fail(in, 1)
			podNotReady(in, 0, waiting("bitcoind", "ErrImagePull", "not found"))
		}, false, v1.ReasonImageUnavailable, "cannot pull the image"},
		"the pod of a removed node does not end": {func(in *policyInputs) {
			in.leaving = []*corev1.Pod{onFailedNode("worker", "n-sts-3")}
		}, false, v1.ReasonNodesLeaving, "pods of removed nodes still exist: n-sts-3; pod n-sts-3 is on cluster node worker, which is not ready since"},
	})
	_, in := healthy()
	fail(in, 1)
	// It may return by itself.
	if got := evaluate(in); got.Stalled.Met || !got.Reconciling.Met {
		t.Errorf("stalled %+v, reconciling %+v", got.Stalled, got.Reconciling)
	}
}

func TestAPodThatItsVolumeBindsIsReportedWithTheClaim(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-1"}}
	for cause, claim := range map[string]bool{
		"0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 Insufficient cpu.": true,
		"0/3 nodes are available: 3 node(s) had volume node affinity conflict.":                                 true,
		"0/3 nodes are available: 3 Insufficient cpu.":                                                          false,
		"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.":                         false,
	} {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: cause}}
		problem, _ := problems.Of(pod)
		if got := strings.Contains(problem.Message, "delete the claim"); got != claim || claim && !strings.Contains(problem.Message, "claim data-n-sts-1 ") {
			t.Errorf("%s: %s", cause, problem.Message)
		}
	}
}
