package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/nodelog"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// podProblem is what keeps a pod from becoming ready, if the user must act.
type podProblem struct {
	reason, message string
	// passing is true for a problem that may pass by itself: a machine, a volume, a Secret or a registry may appear soon.
	passing bool
	// since is the pod's last change of a condition: its problem began then at the earliest. The pod has this time, not the
	// operator, so that a restart of the operator changes nothing.
	since time.Time
}

// graceLeft is the time until the network is stalled, 0 when it is stalled already.
func (p podProblem) graceLeft(now time.Time) time.Duration {
	if !p.passing {
		return 0
	}
	return max(p.since.Add(stalledGracePeriod).Sub(now), 0)
}

// problem of a node: that of its pod, or in a pod that runs that of its own process.
func (n *node) problem() (problem podProblem, found bool) {
	if !n.podReady {
		if problem, found := problemOf(n.pod); found {
			return problem, true
		}
	}
	if !n.failing {
		return podProblem{}, false
	}
	return podProblem{reason: v1.ReasonNodeFailing, message: fmt.Sprintf("Node %s cannot run%s; see the lines of kubectl logs %s that begin with [%d]", n.name(), lastExit(n.reported), n.podName, n.slot)}, true
}

func problemOf(pod *corev1.Pod) (problem podProblem, found bool) {
	if pod == nil {
		return podProblem{}, false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return podProblem{v1.ReasonUnschedulable, fmt.Sprintf(
				"Pod %s cannot be scheduled: %s; %s", pod.Name, phrase.Quote(condition.Message), unschedulableAction(pod.Name, condition.Message)),
				true, changedAt(pod)}, true
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if problem, found := containerProblem(pod.Name, status); found {
			problem.since = changedAt(pod)
			return problem, true
		}
	}
	return podProblem{}, false
}

// unschedulableAction is what a user can do about a pod that cannot be scheduled for a reason that the scheduler gives. A volume of one
// cluster node may be what binds the pod to it; the two texts are those of Kubernetes up to 1.33 and since.
func unschedulableAction(pod, cause string) string {
	if strings.Contains(cause, "volume node affinity conflict") || strings.Contains(cause, "PersistentVolume's node affinity") {
		return fmt.Sprintf("the volume of its claim %s is bound to a cluster node that does not take the pod: wait until that returns, or, "+
			"if it is gone for good, delete the claim and the pod; the node then starts without its wallets and gets the chain from the others",
			resources.ClaimName(pod))
	}
	return "add capacity to the cluster, or change the resources or the placement in the spec"
}

// changedAt is when a condition of a pod changed last.
func changedAt(pod *corev1.Pod) time.Time {
	changed := pod.CreationTimestamp.Time
	for _, condition := range pod.Status.Conditions {
		if condition.LastTransitionTime.After(changed) {
			changed = condition.LastTransitionTime.Time
		}
	}
	return changed
}

func containerProblem(pod string, status corev1.ContainerStatus) (problem podProblem, found bool) {
	waiting := status.State.Waiting
	if waiting == nil {
		return podProblem{}, false
	}
	switch waiting.Reason {
	case "CreateContainerConfigError":
		// With an image volume, bitcoind's own container uses the Secret.
		if status.Name == resources.InitContainerName || strings.Contains(strings.ToLower(waiting.Message), "secret") {
			return podProblem{reason: v1.ReasonSecretMissing, passing: true, message: fmt.Sprintf(
				"Pod %s cannot start: %s; create the Secret that spec.secret names in this namespace, with the keys %s and %s, and the nodes start without further action",
				pod, phrase.Quote(waiting.Message), rpcauth.UserKey, rpcauth.PasswordKey)}, true
		}
		return podProblem{reason: v1.ReasonNodeFailing, message: fmt.Sprintf("Pod %s cannot start: %s", pod, phrase.Quote(waiting.Message))}, true
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		return podProblem{reason: v1.ReasonImageUnavailable, passing: waiting.Reason != "InvalidImageName", message: fmt.Sprintf(
			"Pod %s cannot pull the image %s: %s; check the image's name and spec.imagePullSecrets", pod, status.Image, phrase.Quote(waiting.Message))}, true
	case "CrashLoopBackOff", "RunContainerError", "CreateContainerError":
		return podProblem{reason: v1.ReasonNodeFailing, message: fmt.Sprintf("Pod %s cannot run the container %s: %s", pod, status.Name, lastTermination(status))}, true
	}
	return podProblem{}, false
}

// lastTermination describes how a container ended, or why it cannot start.
func lastTermination(status corev1.ContainerStatus) string {
	ended := status.LastTerminationState.Terminated
	if ended == nil {
		return phrase.Quote(status.State.Waiting.Message)
	}
	return describeEnd(int(ended.ExitCode), int(status.RestartCount), ended.Message) + "; see kubectl logs --previous"
}

// lastExit describes how the process of a node in a shared pod ended, "" if it has not.
func lastExit(reported *api.Node) string {
	if reported.LastExit == nil {
		return ""
	}
	return ": " + describeEnd(reported.LastExit.Code, max(reported.Started-1, 0), reported.LastExit.Output)
}

// describeEnd describes how bitcoind ended, from what it wrote last.
func describeEnd(exitCode, restarts int, output string) string {
	description := fmt.Sprintf("the last run ended with exit code %d, after %d restarts", exitCode, restarts)
	if output != "" {
		description += ": " + phrase.Quote(nodelog.Cause(output))
		if nodelog.VolumeFull(output) {
			description += "; the data volume is full or cannot be written: enlarge spec.storage.size, or free space on the cluster node if spec.storage is not set"
		}
	}
	return description
}
