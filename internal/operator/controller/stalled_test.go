package controller

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/podproblem"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// failSince makes a pod fail, with its last condition transition at this time.
func failSince(in *policyInputs, i int, since time.Time, status corev1.ContainerStatus) {
	podNotReady(in, i, status)
	in.nodes[i].pod.CreationTimestamp = metav1.NewTime(since.Add(-time.Hour))
	in.nodes[i].pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(since)},
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(since.Add(-time.Minute))},
	}
}

// A Secret, an image, a machine or a volume may appear a few seconds later, and whoever waits by kstatus gives up when a network
// is stalled.
func TestWhatMayPassByItselfIsStalledAfterTheGracePeriod(t *testing.T) {
	unschedulable := func(in *policyInputs, i int, since time.Time) {
		podNotReady(in, i)
		in.nodes[i].pod.CreationTimestamp = metav1.NewTime(since.Add(-time.Hour))
		in.nodes[i].pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: "pod has unbound immediate PersistentVolumeClaims", LastTransitionTime: metav1.NewTime(since),
		}}
	}
	failing := func(container, reason, message string) func(*policyInputs, int, time.Time) {
		return func(in *policyInputs, i int, since time.Time) {
			failSince(in, i, since, waiting(container, reason, message))
		}
	}
	noSecret := failing(resources.InitContainerName, "CreateContainerConfigError", `secret "users" not found`)
	for name, test := range map[string]struct {
		fail  func(in *policyInputs, i int, since time.Time)
		since []time.Duration
		// stalledIn is the time until the network is stalled.
		stalledIn time.Duration
		reason    string
	}{
		"no room, at once":                     {unschedulable, []time.Duration{0}, podproblem.GracePeriod, v1.ReasonUnschedulable},
		"no room for ten seconds":              {unschedulable, []time.Duration{10 * time.Second}, podproblem.GracePeriod - 10*time.Second, v1.ReasonUnschedulable},
		"no room for the whole period":         {unschedulable, []time.Duration{podproblem.GracePeriod}, 0, v1.ReasonUnschedulable},
		"no Secret, at once":                   {noSecret, []time.Duration{0}, podproblem.GracePeriod, v1.ReasonSecretMissing},
		"no Secret, long after":                {noSecret, []time.Duration{time.Hour}, 0, v1.ReasonSecretMissing},
		"an image that cannot be pulled":       {failing(resources.ContainerName, "ErrImagePull", "timeout"), []time.Duration{0}, podproblem.GracePeriod, v1.ReasonImageUnavailable},
		"the kubelet waits before it pulls":    {failing(resources.ContainerName, "ImagePullBackOff", "back-off"), []time.Duration{time.Second}, podproblem.GracePeriod - time.Second, v1.ReasonImageUnavailable},
		"an image name that is not valid":      {failing(resources.ContainerName, "InvalidImageName", "no"), []time.Duration{0}, 0, v1.ReasonImageUnavailable},
		"a node that exits again and again":    {failing(resources.ContainerName, "CrashLoopBackOff", "back-off"), []time.Duration{0}, 0, v1.ReasonNodeFailing},
		"the pod that fails longest decides":   {noSecret, []time.Duration{0, 5 * time.Second}, podproblem.GracePeriod - 5*time.Second, v1.ReasonSecretMissing},
		"another pod fails for longer than it": {noSecret, []time.Duration{0, time.Minute}, 0, v1.ReasonSecretMissing},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := healthy()
			for i, since := range test.since {
				test.fail(in, i, in.now.Add(-since))
			}
			got := evaluate(in)
			if in.stalledIn() != test.stalledIn || got.Stalled.Met != (test.stalledIn == 0) || got.Reconciling.Met == got.Stalled.Met {
				t.Errorf("stalled in %s, want %s; stalled %+v, reconciling %+v", in.stalledIn(), test.stalledIn, got.Stalled, got.Reconciling)
			}
			if got.nodesReady.Reason != test.reason || got.Ready.Reason != test.reason {
				t.Errorf("the conditions name the reason at once: %+v", got.nodesReady)
			}
		})
	}
}

// The API server's answer is final, whatever the pods wait for.
func TestARejectedObjectHasNoGracePeriod(t *testing.T) {
	_, in := healthy()
	failSince(in, 0, in.now, waiting(resources.ContainerName, "ErrImagePull", "timeout"))
	in.objects.rejected = &apply.Error{Reason: v1.ReasonApplyRefused, Message: "quota"}
	if got := evaluate(in).Stalled; !got.Met || got.Reason != v1.ReasonApplyRefused {
		t.Errorf("%+v", got)
	}
}

// The grace period is counted from the pod's own times: a restart of the operator does not begin it anew.
func TestTheGracePeriodContinuesAfterARestart(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	r.mustPass(t)
	set := r.set(t)
	set.UID = "s"
	if err := r.cache.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	created := r.clock.Truncate(time.Second)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "net-sts-0", Namespace: "ns", UID: types.UID("p"), Labels: resources.Groups(r.network(t), "i")[0].Selector("net"),
			OwnerReferences: []metav1.OwnerReference{{UID: "s"}}, CreationTimestamp: metav1.NewTime(created),
		},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting(resources.ContainerName, "ErrImagePull", "timeout")}},
	}
	if err := r.cache.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	var stalled []bool
	for _, after := range []time.Duration{5 * time.Second, podproblem.GracePeriod - time.Second, podproblem.GracePeriod} {
		r.states, r.events = newStateStore(), events.NewFakeRecorder(100)
		r.recorder = r.events
		r.clock = created.Add(after)
		result, err := r.Reconcile(t.Context(), requestOfNet)
		if err != nil {
			t.Fatal(err)
		}
		if left := podproblem.GracePeriod - after; left > 0 && result.RequeueAfter > left {
			t.Errorf("the next pass is in %s, the grace period ends in %s", result.RequeueAfter, left)
		}
		conditions := r.network(t).Status.Conditions
		if got := meta.FindStatusCondition(conditions, v1.ConditionReady); got.Reason != v1.ReasonImageUnavailable {
			t.Errorf("after %s: %+v", after, got)
		}
		stalled = append(stalled, meta.IsStatusConditionTrue(conditions, v1.ConditionStalled))
	}
	if !slices.Equal(stalled, []bool{false, false, true}) {
		t.Errorf("stalled: %v", stalled)
	}
}
