package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/podproblem"
	operator "github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// policyInputs are what a pass has observed of the nodes and their objects. Policies only read them.
type policyInputs struct {
	now time.Time
	// network is the name of the BitcoinNetwork, and bitcoin the BitcoinNetwork itself, nil if it does not exist.
	network string
	bitcoin *v1.BitcoinNetwork
	// secret is the name of the user's Secret, "" for none.
	secret string
	// withoutBitcoin is how long it has been missing, or without nodes.
	withoutBitcoin time.Duration
	objects        appliedObjects
	// nodes are the desired ones, and leaving those that were removed.
	nodes, leaving []node
	bitcoins       map[int]*bitcoinNode
}

type policy = condition.Policy[*policyInputs]

var nodesReadyPolicies = condition.Chain[*policyInputs]{
	Policies: []policy{objectRejected, writeFailed, bitcoinMissing, podFailing, bitcoinNotReady, podsNotReady, nodesNotAnswering, podsLeaving, outdated, otherBackend, objectWaiting},
	Met:      nodesReady,
}

// stalledReasons are those of NodesReady that need the user to act.
var stalledReasons = []string{
	v1.LightningReasonBitcoinNetworkMissing, v1.LightningReasonBitcoinNodesMissing, v1.LightningReasonImageUnavailable, v1.LightningReasonUnschedulable,
	v1.LightningReasonNodeFailing, v1.LightningReasonWalletDamaged, v1.LightningReasonApplyRefused, v1.LightningReasonNameTaken,
	v1.LightningReasonSecretMissing, v1.LightningReasonSecretUnusable,
}

// problems of the pods of LND.
var problems = podproblem.Kind{
	LostVolume: func(pod string) (claim, consequence string) {
		return operator.ClaimName(pod), "the node then starts with another key, and its channels are opened again"
	},
	DescribeEnd: func(exitCode, restarts int, output string) string {
		description := fmt.Sprintf("the last run ended with exit code %d, after %d restarts", exitCode, restarts)
		if line := lastLine(output); line != "" {
			description += ": " + phrase.Quote(line)
		}
		return description
	},
}

// lastLine is the end of what the agent prints: why LND ended.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// damagedWallet is what LND prints when it was killed while it created its wallet.
const damagedWallet = "missing address manager namespace"

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
	return v1.LightningReasonReconcileFailed, phrase.OfFailure(in.objects.failed), true
}

func bitcoinMissing(in *policyInputs) (reason, message string, violated bool) {
	if len(in.nodes) == 0 {
		return "", "", false
	}
	if in.bitcoin == nil {
		return v1.LightningReasonBitcoinNetworkMissing, fmt.Sprintf("the BitcoinNetwork %s does not exist: create it in this namespace", in.network), true
	}
	if _, ok := resources.BackendOf(in.bitcoin, 0); !ok {
		return v1.LightningReasonBitcoinNodesMissing, fmt.Sprintf("the BitcoinNetwork %s has no nodes: scale it up", in.network), true
	}
	return "", "", false
}

func podFailing(in *policyInputs) (reason, message string, violated bool) {
	problem, _, found := in.failingPod()
	return problem.Reason, problem.Message, found
}

// failingPod returns the problem of the first pod whose grace period has ended, or else of the one whose period ends first.
func (in *policyInputs) failingPod() (first podproblem.Problem, graceLeft time.Duration, found bool) {
	for i := range in.nodes {
		n := &in.nodes[i]
		if podReady(n.pod) || in.isOutdated(n.pod) {
			continue
		}
		problem, ok := in.problemOf(n)
		if !ok {
			continue
		}
		if left := problem.GraceLeft(in.now); !found || left < graceLeft {
			first, graceLeft, found = problem, left, true
		}
	}
	return first, graceLeft, found
}

// problemOf a pod that is not ready; false for a pod without one.
func (in *policyInputs) problemOf(n *node) (problem podproblem.Problem, found bool) {
	problem, found = problems.Of(n.pod)
	switch {
	case found && problem.Reason == v1.ReasonNodeFailing && endedWith(n.pod, damagedWallet):
		problem.Reason = v1.LightningReasonWalletDamaged
		problem.Message = fmt.Sprintf("LND of pod %s cannot open its wallet, since it was killed while it created it: delete the pod, and its claim %s if it has one, "+
			"and the node gets a new wallet; give it more memory if that was the cause", n.podName, operator.ClaimName(n.podName))
	case found || n.state == nil:
	case n.state.Secret == api.SecretMissing:
		// Not from the kubelet, which reports a Secret that it cannot mount in events only.
		return podproblem.Problem{Reason: v1.LightningReasonSecretMissing, Passing: true, Since: podproblem.ChangedAt(n.pod), Message: fmt.Sprintf(
			"Pod %s waits for the Secret %s, which does not exist or has no keys: create it in this namespace, and the nodes start without further action", n.podName, in.secret)}, true
	case n.state.Secret == api.SecretUnusable:
		return podproblem.Problem{Reason: v1.LightningReasonSecretUnusable, Passing: true, Since: podproblem.ChangedAt(n.pod), Message: fmt.Sprintf(
			"Pod %s cannot use the Secret %s: %s; correct the Secret, and the nodes start without further action", n.podName, in.secret, phrase.Quote(strings.Join(n.state.Problems, "; ")))}, true
	}
	return problem, found
}

func endedWith(pod *corev1.Pod, text string) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		ended := s.LastTerminationState.Terminated
		return ended != nil && strings.Contains(ended.Message, text)
	})
}

func bitcoinNotReady(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		b := in.bitcoins[in.nodes[i].bitcoin]
		name := fmt.Sprintf("node %d", in.nodes[i].bitcoin)
		switch {
		case b == nil || b.status.IP == "":
		case b.err != nil:
			name += " (" + phrase.OfError(b.err) + ")"
		default:
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	return v1.LightningReasonBitcoinNodeNotReady, fmt.Sprintf("nodes of the BitcoinNetwork %s are not ready: %s", in.network, phrase.JoinSome(names)), true
}

func podsNotReady(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		if n := &in.nodes[i]; !podReady(n.pod) || n.starts() {
			names = append(names, n.describe())
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	return v1.LightningReasonNodesStarting, fmt.Sprintf("%d of %d nodes are ready; not ready: %s", len(in.nodes)-len(names), len(in.nodes), phrase.JoinSome(names)), true
}

func nodesNotAnswering(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		if n := &in.nodes[i]; !n.ready() {
			names = append(names, n.describe())
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	return v1.LightningReasonNodeNotAnswering, "pods are ready, but their LND does not answer the operator: " + phrase.JoinSome(names), true
}

func podsLeaving(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.leaving {
		if in.leaving[i].pod != nil {
			names = append(names, in.leaving[i].podName)
		}
	}
	return v1.LightningReasonNodesLeaving, "pods of removed nodes still exist, until their channels are closed: " + phrase.JoinSome(names), len(names) > 0
}

func outdated(in *policyInputs) (reason, message string, violated bool) {
	set := in.objects.set
	if set == nil {
		return v1.LightningReasonNodesStarting, "the StatefulSet is being created", true
	}
	if set.Status.ObservedGeneration < set.Generation {
		return v1.LightningReasonUpdating, fmt.Sprintf("StatefulSet %s has changed, and its controller has not observed the change yet", set.Name), true
	}
	var names []string
	for i := range in.nodes {
		if in.isOutdated(in.nodes[i].pod) {
			names = append(names, in.nodes[i].podName)
		}
	}
	return v1.LightningReasonUpdating, "pods do not have the new template yet: " + phrase.JoinSome(names), len(names) > 0
}

// isOutdated reports whether a pod has an old template, so that it is replaced.
func (in *policyInputs) isOutdated(pod *corev1.Pod) bool {
	set := in.objects.set
	if pod == nil || set == nil {
		return false
	}
	revision := pod.Labels[appsv1.ControllerRevisionHashLabelKey]
	return revision != "" && set.Status.UpdateRevision != "" && revision != set.Status.UpdateRevision
}

func otherBackend(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		n := &in.nodes[i]
		switch {
		case !n.lacksBackend():
		case n.handOver != "":
			names = append(names, n.describe())
		default:
			names = append(names, n.podName)
		}
	}
	return v1.LightningReasonUpdating, "LND has yet to restart with another bitcoind, password or certificate: " + phrase.JoinSome(names), len(names) > 0
}

func objectWaiting(in *policyInputs) (reason, message string, violated bool) {
	return v1.LightningReasonUpdating, in.objects.waitingFor, in.objects.waitingFor != ""
}

func nodesReady(in *policyInputs) (reason, message string) {
	if len(in.nodes) == 0 {
		return v1.LightningReasonNoNodes, "the network has no nodes"
	}
	return v1.LightningReasonReady, fmt.Sprintf("%d of %d nodes are ready and answer", len(in.nodes), len(in.nodes))
}

// stalledIn is the time until what may pass by itself needs the user to act, 0 when it does so already.
func (in *policyInputs) stalledIn(nodesReady condition.Result) time.Duration {
	switch nodesReady.Reason {
	case v1.LightningReasonBitcoinNetworkMissing, v1.LightningReasonBitcoinNodesMissing:
		return max(podproblem.GracePeriod-in.withoutBitcoin, 0)
	case v1.LightningReasonApplyRefused, v1.LightningReasonNameTaken:
		return 0
	}
	_, left, _ := in.failingPod()
	return left
}
