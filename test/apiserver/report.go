package apiserver

import (
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Report returns what the machine reports of a pod, nil for a pod that runs and is ready. It may depend on the pod's spec,
// to report only pods with a wrong image for instance.
type Report func(*corev1.Pod) *corev1.PodStatus

// readySince is for how long a pod is reported as ready when it starts. It is longer than minReadySeconds of the StatefulSets, for which
// tests need not wait.
const readySince = 10 * time.Second

// Unschedulable reports pods for which the scheduler has no place.
func Unschedulable(message string) Report {
	return func(*corev1.Pod) *corev1.PodStatus {
		return &corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message, LastTransitionTime: metav1.Now(),
		}}}
	}
}

// Waiting reports pods whose container waits, for a reason such as ImagePullBackOff.
func Waiting(reason, message string) Report {
	return func(pod *corev1.Pod) *corev1.PodStatus {
		container := nodeOf(pod)
		return &corev1.PodStatus{Phase: corev1.PodPending, Conditions: conditions(corev1.ConditionFalse, time.Now()), ContainerStatuses: []corev1.ContainerStatus{{
			Name: container.Name, Image: container.Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}}
	}
}

// Crashing reports pods whose container ends again and again, with this last output.
func Crashing(exitCode int32, output string) Report {
	waiting := Waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")
	return func(pod *corev1.Pod) *corev1.PodStatus {
		status := waiting(pod)
		container := &status.ContainerStatuses[0]
		container.RestartCount = 3
		container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: exitCode, Reason: "Error", Message: output}
		return status
	}
}

// Ago is a report that has been true for some time.
func Ago(age time.Duration, report Report) Report {
	return func(pod *corev1.Pod) *corev1.PodStatus {
		status := report(pod)
		if status == nil {
			return nil
		}
		for i := range status.Conditions {
			status.Conditions[i].LastTransitionTime = metav1.NewTime(time.Now().Add(-age))
		}
		return status
	}
}

// WithImage is a report of the pods with this image; others run.
func WithImage(image string, report Report) Report {
	return func(pod *corev1.Pod) *corev1.PodStatus {
		if nodeOf(pod).Image != image {
			return nil
		}
		return report(pod)
	}
}

// running is the report of a pod that runs.
func running(pod *corev1.Pod, address, containerID string, restarts int32) *corev1.PodStatus {
	container := nodeOf(pod)
	return &corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}, HostIP: "127.0.0.1", HostIPs: []corev1.HostIP{{IP: "127.0.0.1"}},
		Conditions: conditions(corev1.ConditionTrue, time.Now().Add(-readySince)),
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: container.Name, Image: container.Image, ContainerID: containerID, RestartCount: restarts, Ready: true, Started: ptr.To(true),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		}},
	}
}

// notReady changes a report to that of a pod whose readiness probe fails.
func notReady(status *corev1.PodStatus) {
	status.Conditions = conditions(corev1.ConditionFalse, time.Now().Add(-readySince))
	status.ContainerStatuses[0].Ready = false
}

// conditions of a pod that is scheduled.
func conditions(ready corev1.ConditionStatus, at time.Time) []corev1.PodCondition {
	list := []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(at)}}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		list = append(list, corev1.PodCondition{Type: kind, Status: ready, LastTransitionTime: metav1.NewTime(at)})
	}
	return list
}

// nodeOf is the container that runs bitcoind or LND; nil for a pod that is none of a network.
func nodeOf(pod *corev1.Pod) *corev1.Container {
	for i := range pod.Spec.Containers {
		if name := pod.Spec.Containers[i].Name; name == "bitcoind" || name == "lnd" {
			return &pod.Spec.Containers[i]
		}
	}
	return nil
}

// withoutTimes describes a status.
func withoutTimes(status *corev1.PodStatus) string {
	plain := status.DeepCopy()
	for i := range plain.Conditions {
		plain.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	for i := range plain.ContainerStatuses {
		if running := plain.ContainerStatuses[i].State.Running; running != nil {
			running.StartedAt = metav1.NewTime(time.Time{})
		}
	}
	text, _ := json.Marshal(plain) //nolint:errchkjson // a type of the API
	return string(text)
}
