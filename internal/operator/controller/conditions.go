package controller

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// verdict is what a condition says.
type verdict struct {
	holds           bool
	reason, message string
}

func yes(reason, message string) verdict { return verdict{true, reason, message} }
func no(reason, message string) verdict  { return verdict{false, reason, message} }

// stalling are the reasons that go away only when somebody does something.
var stalling = []string{
	v1.ReasonSecretMissing, v1.ReasonImageUnavailable, v1.ReasonNodeFailing, v1.ReasonUnschedulable,
	v1.ReasonApplyRefused, v1.ReasonNameTaken,
}

// judgeNodes decides the condition NodesReady.
func judgeNodes(l *look) verdict {
	if l.refused != nil {
		return no(l.refused.reason, l.refused.message)
	}
	var waiting, silent []string
	problem := verdict{holds: true}
	for i := range l.nodes {
		n := &l.nodes[i]
		switch {
		case n.ready():
		case n.podReady:
			silent = append(silent, fmt.Sprintf("%s (%s)", n.podName, reasonOf(n.err)))
		default:
			waiting = append(waiting, n.podName)
			if found := diagnose(n.pod); problem.holds && !found.holds {
				problem = found
			}
		}
	}
	total := len(l.nodes)
	notAnswering := "ready for the kubelet, but not answering the operator: " + some(silent)
	switch {
	case !problem.holds:
		return problem
	case len(waiting) > 0:
		message := fmt.Sprintf("%d of %d nodes are ready; not yet: %s", total-len(waiting)-len(silent), total, some(waiting))
		if len(silent) > 0 {
			// Whoever waits for the others should know that these will not come by themselves.
			message += "; " + notAnswering
		}
		return no(v1.ReasonNodesStarting, message)
	case len(silent) > 0:
		return no(v1.ReasonNodeNotAnswering, notAnswering)
	case len(l.leaving) > 0:
		return no(v1.ReasonNodesLeaving, "nodes that are no longer wanted are still there: "+some(l.leaving))
	}
	for _, group := range l.groups {
		if l.sets[group.StatefulSet] == nil {
			return no(v1.ReasonNodesStarting, group.StatefulSet+" has just been made")
		}
		if updating := rollout(l.sets[group.StatefulSet], group.Nodes); updating != "" {
			return no(v1.ReasonUpdating, updating)
		}
	}
	if old := l.oldPods(); len(old) > 0 {
		return no(v1.ReasonUpdating, "not yet with the new template: "+some(old))
	}
	if l.waiting != "" {
		return no(v1.ReasonUpdating, l.waiting)
	}
	if total == 0 {
		return yes(v1.ReasonNoNodes, "the network has been scaled to no nodes")
	}
	return yes(v1.ReasonReady, fmt.Sprintf("%d of %d nodes are ready and answer", total, total))
}

func reasonOf(err error) string {
	if err == nil {
		return "no answer yet"
	}
	return err.Error()
}

// diagnose says what keeps a pod from becoming ready, where that needs somebody's help.
func diagnose(pod *corev1.Pod) verdict {
	if pod == nil {
		return verdict{holds: true}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return no(v1.ReasonUnschedulable, fmt.Sprintf("%s finds no place: %s", pod.Name, condition.Message))
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if status.State.Waiting == nil {
			continue
		}
		waiting := status.State.Waiting
		switch waiting.Reason {
		case "CreateContainerConfigError":
			// bitcoind's own container names the Secret when the helper runs in it.
			if status.Name == resources.InitContainerName || strings.Contains(strings.ToLower(waiting.Message), "secret") {
				return no(v1.ReasonSecretMissing, fmt.Sprintf(
					"%s waits: %s; create the Secret that spec.secret names in this namespace, with the keys %s and %s, and the nodes start by themselves",
					pod.Name, waiting.Message, rpcauth.UserKey, rpcauth.PasswordKey))
			}
			return no(v1.ReasonNodeFailing, fmt.Sprintf("%s cannot start: %s", pod.Name, waiting.Message))
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			return no(v1.ReasonImageUnavailable, fmt.Sprintf("%s cannot have its image %s: %s", pod.Name, status.Image, waiting.Message))
		case "CrashLoopBackOff", "RunContainerError", "CreateContainerError":
			return no(v1.ReasonNodeFailing, fmt.Sprintf("%s cannot run %s: %s", pod.Name, status.Name, lastWords(status)))
		}
	}
	return verdict{holds: true}
}

// lastWords of a container: how it ended, or why it cannot start.
func lastWords(status corev1.ContainerStatus) string {
	ended := status.LastTerminationState.Terminated
	if ended == nil {
		return status.State.Waiting.Message
	}
	words := fmt.Sprintf("it ended with exit code %d after %d restarts", ended.ExitCode, status.RestartCount)
	if ended.Message != "" {
		words += ": " + lastLine(ended.Message)
	}
	return words + "; kubectl logs --previous shows more"
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// rollout says what a StatefulSet's controller still has to do, "" for nothing.
func rollout(set *appsv1.StatefulSet, nodes int) string {
	switch {
	case set.Status.ObservedGeneration < set.Generation:
		return set.Name + " has been changed and not been looked at yet"
	case nodes > 0 && set.Status.UpdateRevision != set.Status.CurrentRevision && int(set.Status.UpdatedReplicas) < nodes:
		return fmt.Sprintf("%s: %d of %d nodes have the new template", set.Name, set.Status.UpdatedReplicas, nodes)
	}
	return ""
}

// oldPods are the pods that have another template than their StatefulSet. Pods and StatefulSets are watched apart from each
// other, so that one may still be seen as it was when the other is seen as it is.
func (l *look) oldPods() (names []string) {
	for i := range l.nodes {
		n := &l.nodes[i]
		set := l.sets[n.group.StatefulSet]
		if n.pod == nil || set == nil || set.Status.UpdateRevision == "" {
			continue
		}
		if revision := n.pod.Labels[appsv1.ControllerRevisionHashLabelKey]; revision != "" && revision != set.Status.UpdateRevision {
			names = append(names, n.podName)
		}
	}
	return names
}

// judgeConnections decides the condition Connected.
func judgeConnections(l *look) verdict {
	count := fmt.Sprintf("%d of %d connections exist", l.connected, len(l.desired))
	switch {
	case len(l.missing) > 0:
		return no(v1.ReasonConnecting, fmt.Sprintf("%s; missing: %s", count, l.missingNames()))
	case l.pending > 0:
		return no(v1.ReasonConnecting, count+"; others, or entries in the nodes' lists, are being changed")
	case l.lingering > 0:
		return no(v1.ReasonConnecting, count+"; a node may still dial what has just been taken off its list")
	case !allAnswer(l.nodes):
		return no(v1.ReasonWaiting, "not all nodes answer")
	}
	return yes(v1.ReasonConnected, count)
}

// missingNames names missing connections, those of nodes that are ready first: they are the ones to wonder about.
func (l *look) missingNames() string {
	var names []string
	for _, mine := range []bool{true, false} {
		for _, edge := range l.missing {
			if both := l.nodes[edge.A].ready() && l.nodes[edge.B].ready(); both == mine {
				names = append(names, fmt.Sprintf("%d–%d", edge.A, edge.B))
			}
		}
	}
	return some(names)
}

func allAnswer(nodes []node) bool {
	for i := range nodes {
		if nodes[i].answer == nil {
			return false
		}
	}
	return true
}

// judgeChains decides the condition Synced.
func judgeChains(l *look) verdict {
	switch {
	case len(l.nodes) == 0:
		return yes(v1.ReasonNoNodes, "the network has no nodes")
	case !allAnswer(l.nodes):
		return no(v1.ReasonWaiting, "not all nodes answer")
	case !l.chain.known:
		return no(v1.ReasonWaiting, "not all nodes say how their chains compare")
	case len(l.chain.branches) > 1:
		return no(v1.ReasonForked, fmt.Sprintf("the nodes are on %d competing branches", len(l.chain.branches)))
	case l.chain.lag > 1:
		return no(v1.ReasonSyncing, fmt.Sprintf("a node is %d blocks behind", l.chain.lag))
	}
	return yes(v1.ReasonSynced, fmt.Sprintf("all nodes are on one branch of height %d", l.chain.branches[0].height))
}

// judgeReady derives Ready from the others.
func judgeReady(verdicts ...verdict) verdict {
	for _, v := range verdicts {
		if !v.holds {
			return no(v.reason, v.message)
		}
	}
	if verdicts[0].reason == v1.ReasonNoNodes {
		return yes(v1.ReasonNoNodes, verdicts[0].message)
	}
	return yes(v1.ReasonReady, "all nodes are ready, connected as asked for, and on one branch")
}

// some joins names, and says how many it leaves out of a long list.
func some(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
