package controller

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// podNotReady makes a node's pod one that is not ready, with these container statuses.
func podNotReady(in *policyInputs, i int, statuses ...corev1.ContainerStatus) {
	in.nodes[i].podReady, in.nodes[i].answer = false, nil
	in.nodes[i].pod.Status.ContainerStatuses = statuses
}

func waiting(container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

// conditionTest is a change of a healthy network, and the condition Ready after it.
type conditionTest struct {
	change  func(*policyInputs)
	ready   bool
	reason  string
	message string
}

func testReady(t *testing.T, tests map[string]conditionTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, in := healthy()
			test.change(in)
			got := evaluate(in).Ready
			if got.Met != test.ready || got.Reason != test.reason || !strings.Contains(got.Message, test.message) {
				t.Errorf("got %+v, want %v %s with %q", got, test.ready, test.reason, test.message)
			}
		})
	}
}

func TestReadyNeedsReadyNodes(t *testing.T) {
	testReady(t, map[string]conditionTest{
		"no problem": {func(*policyInputs) {}, true, v1.ReasonReady, "all nodes are ready"},
		"no nodes are desired": {func(in *policyInputs) {
			in.nodes, in.connections, in.chains = nil, connections{}, chainComparison{complete: true}
		}, true, v1.ReasonNoNodes, "no nodes"},
		"a pod does not exist yet": {func(in *policyInputs) {
			podNotReady(in, 1)
			in.nodes[1].pod = nil
		}, false, v1.ReasonNodesStarting, "2 of 3 nodes are ready; not ready: n-sts-1"},
		"the Secret is missing": {func(in *policyInputs) {
			podNotReady(in, 0, waiting(resources.InitContainerName, "CreateContainerConfigError", `secret "users" not found`))
		}, false, v1.ReasonSecretMissing, `secret "users" not found`},
		"an image cannot be pulled": {func(in *policyInputs) {
			podNotReady(in, 0, waiting(resources.ContainerName, "ImagePullBackOff", "not found"))
		}, false, v1.ReasonImageUnavailable, "cannot pull the image"},
		"a node exits again and again": {func(in *policyInputs) {
			status := waiting(resources.ContainerName, "CrashLoopBackOff", "back-off")
			status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
			status.RestartCount = 4
			podNotReady(in, 0, status)
		}, false, v1.ReasonNodeFailing, "exit code 7, after 4 restarts"},
		"a pod cannot be scheduled": {func(in *policyInputs) {
			podNotReady(in, 2)
			in.nodes[2].pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "too many pods",
			}}
		}, false, v1.ReasonUnschedulable, "Pod n-sts-2 cannot be scheduled: too many pods; add capacity"},
		"a ready pod does not answer": {func(in *policyInputs) {
			in.nodes[1].answer, in.nodes[1].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 (no answer in time)"},
		"a connection with a node was reset, without the operator's own port": {func(in *policyInputs) {
			in.nodes[1].answer = nil
			in.nodes[1].err = &net.OpError{
				Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 40001}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 8332},
				Err: syscall.ECONNRESET,
			}
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 (read tcp 10.0.0.2:8332: connection reset by peer)"},
		"one pod is not ready, and another node does not answer": {func(in *policyInputs) {
			podNotReady(in, 0)
			in.nodes[1].answer, in.nodes[1].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodesStarting, "1 of 3 nodes are ready; not ready: n-sts-0; pods are ready, but their nodes do not answer the operator: n-sts-1 (no answer in time)"},
		"the pod of a removed node still exists": {func(in *policyInputs) { in.leaving = []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-3"}}} }, false, v1.ReasonNodesLeaving, "n-sts-3"},
		"a StatefulSet does not exist yet":       {func(in *policyInputs) { delete(in.objects.sets, "n-sts") }, false, v1.ReasonNodesStarting, "n-sts is being created"},
	})
}

func TestReadyNeedsAppliedObjects(t *testing.T) {
	testReady(t, map[string]conditionTest{
		"a new template is being applied": {func(in *policyInputs) {
			in.objects.sets["n-sts"].Status = appsv1.StatefulSetStatus{UpdateRevision: "2", CurrentRevision: "1", UpdatedReplicas: 1}
		}, false, v1.ReasonUpdating, "1 of 3 nodes have the new template"},
		"the cache has an old pod beside the new StatefulSet": {func(in *policyInputs) {
			in.objects.sets["n-sts"].Status = appsv1.StatefulSetStatus{UpdateRevision: "n-sts-2", CurrentRevision: "n-sts-2"}
			for i, revision := range []string{"n-sts-2", "n-sts-1", "n-sts-2"} {
				in.nodes[i].pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
			}
		}, false, v1.ReasonUpdating, "pods do not have the new template yet: n-sts-1"},
		"one group waits for the other": {func(in *policyInputs) { in.objects.waitingFor = "n-b-sts waits" }, false, v1.ReasonUpdating, "n-b-sts waits"},
		"the API server rejects an object": {func(in *policyInputs) {
			in.objects.rejected = &apply.Error{Reason: v1.ReasonApplyRefused, Message: "quota exceeded"}
		}, false, v1.ReasonApplyRefused, "quota exceeded"},
	})
}

func TestReadyNeedsConnectionsAndOneBranch(t *testing.T) {
	testReady(t, map[string]conditionTest{
		"a connection is missing": {func(in *policyInputs) {
			in.connections.existing, in.connections.missing = 2, []topology.Edge{{A: 0, B: 2}}
		}, false, v1.ReasonConnecting, "2 of 3 connections exist; missing: 0–2"},
		"a removed address may still be dialed": {func(in *policyInputs) { in.connections.settling = 1 }, false, v1.ReasonConnecting, "may still dial"},
		"connections are being changed":         {func(in *policyInputs) { in.connections.pending = 1 }, false, v1.ReasonConnecting, "is changing other connections"},
		"the nodes are on two branches": {func(in *policyInputs) {
			in.chains.branches = make([]tip, 2)
		}, false, v1.ReasonForked, "2 competing branches"},
		"a node is two blocks behind": {func(in *policyInputs) { in.chains.lag = 2 }, false, v1.ReasonSyncing, "2 blocks behind"},
		"a node is behind a pruned node": {func(in *policyInputs) {
			in.chains.lag, in.connections.desired = 400, []topology.Edge{{A: 0, B: 1}}
			in.nodes[1].answer.chain = bitcoind.ChainInfo{Blocks: in.nodes[0].answer.chain.Blocks + 400, Pruned: true}
		}, false, v1.ReasonSyncing, "400 blocks behind; the nodes that these are connected with are pruned, and have no blocks for them: n-sts-0; connect"},
		"a block is on its way":            {func(in *policyInputs) { in.chains.lag = 1 }, true, v1.ReasonReady, ""},
		"the chains could not be compared": {func(in *policyInputs) { in.chains.complete = false }, false, v1.ReasonWaiting, "how their chains compare"},
	})
}

func TestNodesReadyCountsTheNodes(t *testing.T) {
	_, in := healthy()
	got := nodesReadyPolicies.Evaluate(in)
	if want := (condition.True(v1.ReasonReady, "3 of 3 nodes are ready and answer")); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The connections of nodes that are not ready are expected to be missing.
func TestMissingConnectionsOfReadyNodesComeFirst(t *testing.T) {
	_, in := healthy()
	podNotReady(in, 0)
	in.connections.existing, in.connections.missing = 1, []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
	if got := connectedPolicies.Evaluate(in); got.Message != "1 of 3 connections exist; missing: 1–2, 0–1" {
		t.Error(got.Message)
	}
}

// kstatus must not wait for what only the user can repair.
func TestStalledAndReconcilingAreDerived(t *testing.T) {
	for name, test := range map[string]struct {
		change               func(*policyInputs)
		reconciling, stalled bool
	}{
		"ready":                    {func(*policyInputs) {}, false, false},
		"a pod does not exist yet": {func(in *policyInputs) { podNotReady(in, 0) }, true, false},
		"a connection is missing":  {func(in *policyInputs) { in.connections.missing = []topology.Edge{{A: 0, B: 1}} }, true, false},
		"the API server rejects an object": {func(in *policyInputs) {
			in.objects.rejected = &apply.Error{Reason: v1.ReasonApplyRefused, Message: "quota"}
		}, false, true},
		"an image cannot be pulled": {func(in *policyInputs) {
			podNotReady(in, 0, waiting(resources.ContainerName, "ErrImagePull", "not found"))
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := healthy()
			test.change(in)
			if got := evaluate(in); got.Reconciling.Met != test.reconciling || got.Stalled.Met != test.stalled {
				t.Errorf("reconciling %+v, stalled %+v", got.Reconciling, got.Stalled)
			}
		})
	}
}

// A network that waits for its user has not settled.
func TestReconcilingNamesTheReasonOfAStalledNetwork(t *testing.T) {
	_, in := healthy()
	podNotReady(in, 0, waiting(resources.InitContainerName, "CreateContainerConfigError", `secret "users" not found`))
	got := evaluate(in)
	if r := got.Reconciling; r.Met || r.Reason != v1.ReasonSecretMissing || r.Message != "the network needs action by the user: "+got.Stalled.Message {
		t.Errorf("%+v", r)
	}
}

// What is wrong with a pod that is about to be replaced is no fact about the network as it is specified now.
func TestAProblemOfAPodWithAnOldTemplateIsNotStalled(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(in *policyInputs, set *appsv1.StatefulSet)
		stalled bool
	}{
		"the pod has the template of its StatefulSet": {func(*policyInputs, *appsv1.StatefulSet) {}, true},
		"the StatefulSet has a new template":          {func(_ *policyInputs, set *appsv1.StatefulSet) { set.Status.UpdateRevision = "n-sts-2" }, false},
		"its controller has not observed the change":  {func(_ *policyInputs, set *appsv1.StatefulSet) { set.Generation = 2 }, false},
		"the StatefulSet waits for that of another group": {func(in *policyInputs, set *appsv1.StatefulSet) {
			in.objects.waitingSets = map[string]bool{set.Name: true}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := healthy()
			set := in.objects.sets["n-sts"]
			set.Generation, set.Status = 1, appsv1.StatefulSetStatus{ObservedGeneration: 1, CurrentRevision: "n-sts-1", UpdateRevision: "n-sts-1"}
			for i := range in.nodes {
				in.nodes[i].pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: "n-sts-1"}
			}
			podNotReady(in, 1, waiting(resources.ContainerName, "ImagePullBackOff", "not found"))
			test.change(in, set)
			got := evaluate(in)
			if got.Stalled.Met != test.stalled || got.Reconciling.Met == test.stalled {
				t.Errorf("stalled %+v, reconciling %+v", got.Stalled, got.Reconciling)
			}
			want := v1.ReasonImageUnavailable
			if !test.stalled {
				want = v1.ReasonUpdating
			}
			if got.nodesReady.Reason != want || !strings.Contains(got.nodesReady.Message, "Pod n-sts-1 cannot pull the image") {
				t.Errorf("nodes ready: %+v", got.nodesReady)
			}
		})
	}
}

// When several policies are violated, the condition names the cause before its effects.
func TestTheFirstViolatedPolicyDecides(t *testing.T) {
	rejected := func(in *policyInputs) {
		in.objects.rejected = &apply.Error{Reason: v1.ReasonNameTaken, Message: "taken"}
	}
	failing := func(in *policyInputs) {
		podNotReady(in, 0, waiting(resources.ContainerName, "ErrImagePull", "not found"))
	}
	starting := func(in *policyInputs) { podNotReady(in, 1) }
	silent := func(in *policyInputs) { in.nodes[2].answer = nil }
	leaving := func(in *policyInputs) { in.leaving = []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "n-sts-3"}}} }
	updating := func(in *policyInputs) {
		in.objects.sets["n-sts"].Status = appsv1.StatefulSetStatus{CurrentRevision: "1", UpdateRevision: "2"}
	}
	missing := func(in *policyInputs) { in.connections.missing = []topology.Edge{{A: 0, B: 1}} }
	forked := func(in *policyInputs) { in.chains.branches = make([]tip, 2) }
	incomplete := func(in *policyInputs) { in.chains.complete = false }
	behind := func(in *policyInputs) { in.chains.lag = 2 }
	for _, test := range []struct {
		chain   policyChain
		changes []func(*policyInputs)
		reasons []string
	}{
		{
			nodesReadyPolicies, []func(*policyInputs){updating, leaving, silent, starting, failing, rejected},
			[]string{v1.ReasonUpdating, v1.ReasonNodesLeaving, v1.ReasonNodeNotAnswering, v1.ReasonNodesStarting, v1.ReasonImageUnavailable, v1.ReasonNameTaken},
		},
		{connectedPolicies, []func(*policyInputs){silent, missing}, []string{v1.ReasonWaiting, v1.ReasonConnecting}},
		{syncedPolicies, []func(*policyInputs){behind, forked, incomplete}, []string{v1.ReasonSyncing, v1.ReasonForked, v1.ReasonWaiting}},
		{syncedPolicies, []func(*policyInputs){forked, silent}, []string{v1.ReasonForked, v1.ReasonWaiting}},
	} {
		_, in := healthy()
		for i, change := range test.changes {
			change(in)
			if got := test.chain.Evaluate(in); got.Reason != test.reasons[i] {
				t.Errorf("after change %d: %+v, want %s", i, got, test.reasons[i])
			}
		}
	}
}
