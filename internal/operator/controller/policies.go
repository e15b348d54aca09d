package controller

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/podproblem"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// policyInputs are what a pass has observed. Policies only read them.
type policyInputs struct {
	now     time.Time
	objects appliedObjects
	nodes   []node
	leaving []*corev1.Pod
	// leavingNodes are the names of removed nodes that still run in pods that stay.
	leavingNodes []string
	connections  connections
	chains       chainComparison
	mining       miningState
	// lastBlock is when the latest block appeared; nil before the first.
	lastBlock *metav1.Time
}

// policy and policyChain of a network.
type (
	policy      = condition.Policy[*policyInputs]
	policyChain = condition.Chain[*policyInputs]
)

// The policies of the three conditions that are not derived, in the order in which they are evaluated.
var (
	nodesReadyPolicies = policyChain{
		Policies: []policy{objectRejected, writeFailed, podFailing, outdatedPodFailing, clusterNodeFailed, podsNotReady, nodesNotAnswering, podsLeaving, statefulSetsNotUpToDate, podsOutdated, objectWaiting, publishersMissing},
		Met:      nodesReady,
	}
	connectedPolicies = policyChain{
		Policies: []policy{nodesOffNetwork, connectionsMissing, connectionsChanging, nodesSettling, partitionBridged, answersMissing},
		Met:      connectionsExist,
	}
	syncedPolicies = policyChain{
		Policies: []policy{answersMissing, chainsNotCompared, chainsForked, nodesBehind},
		Met:      chainsSynced,
	}
)

func objectRejected(in *policyInputs) (reason, message string, violated bool) {
	if in.objects.rejected == nil {
		return "", "", false
	}
	return in.objects.rejected.Reason, in.objects.rejected.Message, true
}

func writeFailed(in *policyInputs) (reason, message string, violated bool) {
	if in.objects.failed == nil {
		return "", "", false
	}
	return v1.ReasonReconcileFailed, phrase.OfFailure(in.objects.failed), true
}

// podFailing reports the first pod that needs the user to act.
func podFailing(in *policyInputs) (reason, message string, violated bool) {
	problem, _, found := in.failingPod()
	return problem.Reason, problem.Message, found
}

// stalledIn is the time until a pod fails for so long that only the user can help, 0 when it does so already or no pod fails.
func (in *policyInputs) stalledIn() time.Duration {
	if in.objects.rejected != nil || in.objects.failed != nil {
		return 0
	}
	_, graceLeft, _ := in.failingPod()
	return graceLeft
}

// failingPod returns the problem of the first pod whose grace period has ended, or else of the one whose period ends first.
func (in *policyInputs) failingPod() (first podproblem.Problem, graceLeft time.Duration, found bool) {
	for i := range in.nodes {
		n := &in.nodes[i]
		if in.isReplaced(n) {
			continue
		}
		problem, ok := n.problem()
		if !ok {
			continue
		}
		if left := problem.GraceLeft(in.now); !found || left < graceLeft {
			first, graceLeft, found = problem, left, true
		}
	}
	return first, graceLeft, found
}

// outdatedPodFailing reports the first failing pod that a rollout replaces. The user may have corrected the network already.
func outdatedPodFailing(in *policyInputs) (reason, message string, violated bool) {
	for i := range in.nodes {
		if n := &in.nodes[i]; in.isReplaced(n) {
			if problem, found := n.problem(); found {
				return v1.ReasonUpdating, "pods do not have the new template yet: " + problem.Message, true
			}
		}
	}
	return "", "", false
}

// isReplaced reports whether a node's pod has an old template, so that a rollout replaces it. Whether it has is not known while
// the controller of its StatefulSet has not observed the last change.
func (in *policyInputs) isReplaced(n *node) bool {
	set := in.objects.sets[n.group.StatefulSet]
	if n.pod == nil || set == nil {
		return false
	}
	return in.objects.waitingSets[set.Name] || set.Status.ObservedGeneration < set.Generation || hasOldTemplate(n.pod, set)
}

func hasOldTemplate(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	revision := pod.Labels[appsv1.ControllerRevisionHashLabelKey]
	return revision != "" && set.Status.UpdateRevision != "" && revision != set.Status.UpdateRevision
}

func podsNotReady(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	ready := 0
	for i := range in.nodes {
		switch n := &in.nodes[i]; {
		case n.ready():
			ready++
		case !n.podReady:
			names = append(names, n.name())
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	message = fmt.Sprintf("%d of %d nodes are ready; not ready: %s", ready, len(in.nodes), phrase.JoinSome(names))
	// Nodes that do not answer are not fixed by waiting for the other ones.
	if _, silent, ok := nodesNotAnswering(in); ok {
		message += "; " + silent
	}
	return v1.ReasonNodesStarting, message, true
}

func nodesNotAnswering(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		if n := &in.nodes[i]; n.podReady && n.answer == nil {
			cause := "no answer yet"
			if n.err != nil {
				cause = phrase.OfError(n.err)
			}
			name := n.name()
			if n.pod != nil && n.pod.Spec.NodeName != "" {
				name += " on cluster node " + n.pod.Spec.NodeName
			}
			names = append(names, fmt.Sprintf("%s (%s)", name, cause))
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	return v1.ReasonNodeNotAnswering, "pods are ready, but their nodes do not answer the operator: " + phrase.JoinSome(names), true
}

func statefulSetsNotUpToDate(in *policyInputs) (reason, message string, violated bool) {
	for _, group := range in.objects.groups {
		set := in.objects.sets[group.StatefulSet]
		if set == nil {
			return v1.ReasonNodesStarting, fmt.Sprintf("StatefulSet %s is being created", group.StatefulSet), true
		}
		if message := rolloutMessage(set, group); message != "" {
			return v1.ReasonUpdating, message, true
		}
	}
	return "", "", false
}

// podsOutdated reports pods with another template than their StatefulSet's. Pods and StatefulSets come from separate watches, so
// that the cache may have an old pod beside a new StatefulSet.
func podsOutdated(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		n := &in.nodes[i]
		if set := in.objects.sets[n.group.StatefulSet]; n.pod != nil && set != nil && hasOldTemplate(n.pod, set) {
			names = append(names, n.podName)
		}
	}
	if names = slices.Compact(names); len(names) == 0 {
		return "", "", false
	}
	return v1.ReasonUpdating, "pods do not have the new template yet: " + phrase.JoinSome(names), true
}

func objectWaiting(in *policyInputs) (reason, message string, violated bool) {
	return v1.ReasonUpdating, in.objects.waitingFor, in.objects.waitingFor != ""
}

const noNodesMessage = "the network has no nodes"

func nodesReady(in *policyInputs) (reason, message string) {
	if len(in.nodes) == 0 {
		return v1.ReasonNoNodes, noNodesMessage
	}
	if busy := in.busyNodes(); len(busy) > 0 {
		return v1.ReasonRPCBusy, fmt.Sprintf("%d of %d nodes are ready; all RPC threads of some are taken by other calls, so that their last answers and the reports of their peers count: %s",
			len(in.nodes), len(in.nodes), phrase.JoinSome(busy))
	}
	return v1.ReasonReady, fmt.Sprintf("%d of %d nodes are ready and answer", len(in.nodes), len(in.nodes))
}

func connectionsExist(in *policyInputs) (reason, message string) {
	return v1.ReasonConnected, fmt.Sprintf("%d of %d connections exist", in.connections.existing, len(in.connections.desired))
}

func connectionsMissing(in *policyInputs) (reason, message string, violated bool) {
	if len(in.connections.missing) == 0 {
		return "", "", false
	}
	// Those of ready nodes come first: the others will follow when their nodes are ready.
	var ofReady, others []string
	for _, edge := range in.connections.missing {
		name := fmt.Sprintf("%d–%d", edge.A, edge.B)
		if in.nodes[edge.A].ready() && in.nodes[edge.B].ready() {
			ofReady = append(ofReady, name)
		} else {
			others = append(others, name)
		}
	}
	_, count := connectionsExist(in)
	return v1.ReasonConnecting, count + "; missing: " + phrase.JoinSome(slices.Concat(ofReady, others)), true
}

func connectionsChanging(in *policyInputs) (reason, message string, violated bool) {
	_, count := connectionsExist(in)
	return v1.ReasonConnecting, count + "; the operator is changing other connections or the nodes' addnode lists", in.connections.pending > 0
}

func nodesSettling(in *policyInputs) (reason, message string, violated bool) {
	_, count := connectionsExist(in)
	return v1.ReasonConnecting, count + "; a node may still dial an address that was removed from its addnode list", in.connections.settling > 0
}

func answersMissing(in *policyInputs) (reason, message string, violated bool) {
	return v1.ReasonWaiting, "not all nodes answer", !allAnswer(in.nodes)
}

func chainsNotCompared(in *policyInputs) (reason, message string, violated bool) {
	return v1.ReasonWaiting, "not all nodes have reported how their chains compare", !in.chains.complete
}

func chainsForked(in *policyInputs) (reason, message string, violated bool) {
	return v1.ReasonForked, fmt.Sprintf("the nodes are on %d competing branches", len(in.chains.branches)), len(in.chains.branches) > 1
}

func nodesBehind(in *policyInputs) (reason, message string, violated bool) {
	message = fmt.Sprintf("a node is %d blocks behind", in.chains.lag)
	if names := cutOff(in.nodes, in.connections.desired); len(names) > 0 {
		message += fmt.Sprintf("; the nodes that these are connected with are pruned, and have no blocks for them: %s; "+
			"connect them with a node that is not pruned, and use spec.storage, so that pruned nodes keep their chain", phrase.JoinSome(names))
	}
	return v1.ReasonSyncing, message, in.chains.lag > 1
}

func chainsSynced(in *policyInputs) (reason, message string) {
	if len(in.nodes) == 0 {
		return v1.ReasonNoNodes, noNodesMessage
	}
	return v1.ReasonSynced, fmt.Sprintf("all nodes are on one branch of height %d", in.chains.branches[0].height)
}
