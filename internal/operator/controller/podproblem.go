package controller

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// podProblem returns what keeps a pod from becoming ready, if the user must act.
func podProblem(pod *corev1.Pod) (reason, message string, found bool) {
	if pod == nil {
		return "", "", false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return v1.ReasonUnschedulable, fmt.Sprintf(
				"Pod %s cannot be scheduled: %s; add capacity to the cluster, or change the resources or the placement in the spec", pod.Name, condition.Message), true
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if reason, message, found := containerProblem(pod.Name, status); found {
			return reason, message, true
		}
	}
	return "", "", false
}

func containerProblem(pod string, status corev1.ContainerStatus) (reason, message string, found bool) {
	waiting := status.State.Waiting
	if waiting == nil {
		return "", "", false
	}
	switch waiting.Reason {
	case "CreateContainerConfigError":
		// With an image volume, bitcoind's own container uses the Secret.
		if status.Name == resources.InitContainerName || strings.Contains(strings.ToLower(waiting.Message), "secret") {
			return v1.ReasonSecretMissing, fmt.Sprintf(
				"Pod %s cannot start: %s; create the Secret that spec.secret names in this namespace, with the keys %s and %s, and the nodes start without further action",
				pod, waiting.Message, rpcauth.UserKey, rpcauth.PasswordKey), true
		}
		return v1.ReasonNodeFailing, fmt.Sprintf("Pod %s cannot start: %s", pod, waiting.Message), true
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		return v1.ReasonImageUnavailable, fmt.Sprintf(
			"Pod %s cannot pull the image %s: %s; check the image's name and spec.imagePullSecrets", pod, status.Image, waiting.Message), true
	case "CrashLoopBackOff", "RunContainerError", "CreateContainerError":
		return v1.ReasonNodeFailing, fmt.Sprintf("Pod %s cannot run the container %s: %s", pod, status.Name, lastTermination(status)), true
	}
	return "", "", false
}

// lastTermination describes how a container ended, or why it cannot start.
func lastTermination(status corev1.ContainerStatus) string {
	ended := status.LastTerminationState.Terminated
	if ended == nil {
		return status.State.Waiting.Message
	}
	description := fmt.Sprintf("the last run ended with exit code %d, after %d restarts", ended.ExitCode, status.RestartCount)
	if ended.Message != "" {
		description += ": " + lastLine(ended.Message)
	}
	return description + "; see kubectl logs --previous"
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
