// Package podproblem finds what keeps a pod from becoming ready, if the user must act, from what the kubelet and the scheduler report.
package podproblem

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// GracePeriod is how long a pod may fail for a reason that may pass by itself before the network is stalled. It is as long as that of
// kstatus for pods that cannot be scheduled.
const GracePeriod = 15 * time.Second

// Problem is what keeps a pod from becoming ready.
type Problem struct {
	// Reason is one of a condition.
	Reason, Message string
	// Passing is true for a problem that may pass by itself: a machine, a volume, a Secret or a registry may appear soon.
	Passing bool
	// Since is the pod's last change of a condition: its problem began then at the earliest. The pod has this time, not the
	// operator, so that a restart of the operator changes nothing.
	Since time.Time
}

// GraceLeft is the time until the network is stalled, 0 when it is stalled already.
func (p Problem) GraceLeft(now time.Time) time.Duration {
	if !p.Passing {
		return 0
	}
	return max(p.Since.Add(GracePeriod).Sub(now), 0)
}

// Kind of pods: what their problems mean.
type Kind struct {
	// MissingSecret is what to do when a container that needs a Secret cannot start, and NeedsSecret reports whether it is one; both are
	// unset for pods without Secrets.
	MissingSecret string
	NeedsSecret   func(container, message string) bool
	// LostVolume is what the node of a pod with this claim does without its volume.
	LostVolume func(pod string) (claim, consequence string)
	// DescribeEnd describes how a container ended, from its exit code, the number of its restarts and what it wrote last.
	DescribeEnd func(exitCode, restarts int, output string) string
}

// Of a pod; false for a pod without one, and for none.
func (k *Kind) Of(pod *corev1.Pod) (problem Problem, found bool) {
	if pod == nil {
		return Problem{}, false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return Problem{v1.ReasonUnschedulable, fmt.Sprintf(
				"Pod %s cannot be scheduled: %s; %s", pod.Name, phrase.Quote(condition.Message), k.unschedulableAction(pod.Name, condition.Message)),
				true, ChangedAt(pod)}, true
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if problem, found := k.ofContainer(pod.Name, status); found {
			problem.Since = ChangedAt(pod)
			return problem, true
		}
	}
	return Problem{}, false
}

// unschedulableAction is what a user can do about a pod that cannot be scheduled for a reason that the scheduler gives. A volume of one
// cluster node may be what binds the pod to it; the two texts are those of Kubernetes up to 1.33 and since.
func (k *Kind) unschedulableAction(pod, cause string) string {
	if strings.Contains(cause, "volume node affinity conflict") || strings.Contains(cause, "PersistentVolume's node affinity") {
		claim, consequence := k.LostVolume(pod)
		return fmt.Sprintf("the volume of its claim %s is bound to a cluster node that does not take the pod: wait until that returns, or, "+
			"if it is gone for good, delete the claim and the pod; %s", claim, consequence)
	}
	return "add capacity to the cluster, or change the resources or the placement in the spec"
}

// ChangedAt is when a condition of a pod changed last, which is a Problem's Since.
func ChangedAt(pod *corev1.Pod) time.Time {
	changed := pod.CreationTimestamp.Time
	for _, condition := range pod.Status.Conditions {
		if condition.LastTransitionTime.After(changed) {
			changed = condition.LastTransitionTime.Time
		}
	}
	return changed
}

func (k *Kind) ofContainer(pod string, status corev1.ContainerStatus) (problem Problem, found bool) {
	waiting := status.State.Waiting
	if waiting == nil {
		return Problem{}, false
	}
	switch waiting.Reason {
	case "CreateContainerConfigError":
		if k.NeedsSecret != nil && k.NeedsSecret(status.Name, waiting.Message) {
			return Problem{Reason: v1.ReasonSecretMissing, Passing: true, Message: fmt.Sprintf(
				"Pod %s cannot start: %s; %s", pod, phrase.Quote(waiting.Message), k.MissingSecret)}, true
		}
		return Problem{Reason: v1.ReasonNodeFailing, Message: fmt.Sprintf("Pod %s cannot start: %s", pod, phrase.Quote(waiting.Message))}, true
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		return Problem{Reason: v1.ReasonImageUnavailable, Passing: waiting.Reason != "InvalidImageName", Message: fmt.Sprintf(
			"Pod %s cannot pull the image %s: %s; check the image's name and spec.imagePullSecrets", pod, status.Image, phrase.Quote(waiting.Message))}, true
	case "CrashLoopBackOff", "RunContainerError", "CreateContainerError":
		return Problem{Reason: v1.ReasonNodeFailing, Message: fmt.Sprintf("Pod %s cannot run the container %s: %s", pod, status.Name, k.LastTermination(status))}, true
	}
	return Problem{}, false
}

// LastTermination describes how a container ended, or why it cannot start.
func (k *Kind) LastTermination(status corev1.ContainerStatus) string {
	ended := status.LastTerminationState.Terminated
	if ended == nil {
		return phrase.Quote(status.State.Waiting.Message)
	}
	return k.DescribeEnd(int(ended.ExitCode), int(status.RestartCount), ended.Message) + "; see kubectl logs --previous"
}
