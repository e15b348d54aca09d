package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A pod on a cluster node that has failed keeps its name, so that its StatefulSet starts no other one in its place until the
// cluster node returns or is deleted. The pod alone shows what has happened: the operator has no right to read cluster nodes.

// endOverdue is how long after the end of its grace period a pod that is being deleted may exist. Its kubelet then does not run.
const endOverdue = 10 * time.Second

// clusterNodeProblem is what a pod shows of its cluster node.
type clusterNodeProblem struct {
	clusterNode string
	// since is when the cluster node was found not to be ready, or when the pod should have ended.
	since time.Time
	// overdue is true for a pod that should have ended and still exists.
	overdue bool
}

// clusterNodeProblemOf a pod whose kubelet does not report any more, or reports that its cluster node is not ready.
func clusterNodeProblemOf(pod *corev1.Pod, now time.Time) (problem clusterNodeProblem, found bool) {
	if pod == nil || pod.Spec.NodeName == "" {
		return clusterNodeProblem{}, false
	}
	if since, failed := notReadyWithItsNode(pod); failed {
		return clusterNodeProblem{clusterNode: pod.Spec.NodeName, since: since}, true
	}
	// With a finalizer, something else may be to do.
	if end := pod.DeletionTimestamp; end != nil && len(pod.Finalizers) == 0 && now.Sub(end.Time) > endOverdue {
		return clusterNodeProblem{pod.Spec.NodeName, end.Time, true}, true
	}
	return clusterNodeProblem{}, false
}

// notReadyWithItsNode reports whether the controller of cluster nodes has declared a pod not ready, and when. It writes the status of
// the one condition and no reason, while a kubelet gives a reason, or the containers are not ready either.
func notReadyWithItsNode(pod *corev1.Pod) (since time.Time, failed bool) {
	containersReady := false
	for _, condition := range pod.Status.Conditions {
		switch condition.Type {
		case corev1.ContainersReady:
			containersReady = condition.Status == corev1.ConditionTrue
		case corev1.PodReady:
			since, failed = condition.LastTransitionTime.Time, condition.Status == corev1.ConditionFalse && condition.Reason == ""
		}
	}
	return since, failed && containersReady
}

// clusterNodeFailed reports the pods whose cluster nodes have failed. The operator can only wait for them.
func clusterNodeFailed(in *policyInputs) (reason, message string, violated bool) {
	var pods []*corev1.Pod
	ready := 0
	for i := range in.nodes {
		if n := &in.nodes[i]; n.ready() {
			ready++
		} else if !n.podReady && n.slot == 0 {
			pods = append(pods, n.pod)
		}
	}
	message = clusterNodeMessage(pods, in.now)
	return v1.ReasonClusterNodeFailed, fmt.Sprintf("%d of %d nodes are ready; %s", ready, len(in.nodes), message), message != ""
}

func podsLeaving(in *policyInputs) (reason, message string, violated bool) {
	names := make([]string, len(in.leaving))
	for i, pod := range in.leaving {
		names[i] = pod.Name
	}
	switch {
	case len(names) > 0:
		message = "pods of removed nodes still exist: " + phrase.JoinSome(names)
	case len(in.leavingNodes) > 0:
		message = "removed nodes still run: " + phrase.JoinSome(in.leavingNodes)
	default:
		return "", "", false
	}
	if failed := clusterNodeMessage(in.leaving, in.now); failed != "" {
		message += "; " + failed
	}
	if len(in.objects.departing) > 0 {
		message += "; they stay until the other nodes have their blocks"
	}
	return v1.ReasonNodesLeaving, message, true
}

// clusterNodeMessage names the cluster nodes that have failed, and the pods on them; "" for none.
func clusterNodeMessage(pods []*corev1.Pod, now time.Time) string {
	var order []string
	first, names := map[string]clusterNodeProblem{}, map[string][]string{}
	for _, pod := range pods {
		problem, found := clusterNodeProblemOf(pod, now)
		if !found {
			continue
		}
		on := problem.clusterNode
		known, seen := first[on]
		if !seen {
			order = append(order, on)
		}
		// The cause comes before its effect, that a pod does not end.
		if !seen || known.overdue && !problem.overdue || known.overdue == problem.overdue && problem.since.Before(known.since) {
			first[on] = problem
		}
		names[on] = append(names[on], pod.Name)
	}
	slices.Sort(order)
	sentences := make([]string, len(order))
	for i, on := range order {
		sentences[i] = first[on].describe(names[on])
	}
	return strings.Join(sentences, "; ")
}

func (p clusterNodeProblem) describe(pods []string) string {
	subject := "pod " + pods[0] + " is"
	if len(pods) > 1 {
		subject = "pods " + phrase.JoinSome(pods) + " are"
	}
	cause := "which is not ready since"
	if p.overdue {
		cause = "which has not ended what was to end at"
	}
	return fmt.Sprintf("%s on cluster node %s, %s %s: wait until that returns, or delete the Node if it is gone for good",
		subject, p.clusterNode, cause, p.since.UTC().Format(time.RFC3339))
}
