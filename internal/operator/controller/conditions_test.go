package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// healthy is a look at a network of three nodes in which nothing is wrong.
func healthy() *look {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "n", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 3}}
	groups := resources.Groups(network, "image")
	l := &look{
		network: network, groups: groups, memory: &memory{},
		sets:    map[string]*appsv1.StatefulSet{"n-sts": {ObjectMeta: metav1.ObjectMeta{Name: "n-sts"}}},
		nodes:   onChains("a", "a", "a"),
		desired: make([]topology.Edge, 3), connected: 3,
	}
	for i := range l.nodes {
		l.nodes[i].group, l.nodes[i].podName = groups[0], groups[0].PodName(i)
		l.nodes[i].podReady = true
		l.nodes[i].pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: l.nodes[i].podName}}
	}
	l.chain = compareTips(tipsOf(l.nodes), nil)
	return l
}

// notReady makes a node's pod one that the kubelet does not call ready.
func notReady(l *look, i int, statuses ...corev1.ContainerStatus) {
	l.nodes[i].podReady, l.nodes[i].answer = false, nil
	l.nodes[i].pod.Status.ContainerStatuses = statuses
}

func waiting(container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

func TestConditions(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*look)
		ready   bool
		reason  string
		message string
	}{
		"nothing is wrong": {func(*look) {}, true, v1.ReasonReady, "all nodes are ready"},
		"no nodes were asked for": {func(l *look) {
			l.nodes, l.desired, l.connected, l.chain = nil, nil, 0, chainView{known: true}
		}, true, v1.ReasonNoNodes, "no nodes"},
		"a pod is not there yet": {func(l *look) {
			notReady(l, 1)
			l.nodes[1].pod = nil
		}, false, v1.ReasonNodesStarting, "2 of 3 nodes are ready; not yet: n-sts-1"},
		"the Secret is missing": {func(l *look) {
			notReady(l, 0, waiting(resources.InitContainerName, "CreateContainerConfigError", `secret "users" not found`))
		}, false, v1.ReasonSecretMissing, `secret "users" not found`},
		"an image cannot be pulled": {func(l *look) {
			notReady(l, 0, waiting(resources.ContainerName, "ImagePullBackOff", "not found"))
		}, false, v1.ReasonImageUnavailable, "cannot have its image"},
		"a node ends again and again": {func(l *look) {
			status := waiting(resources.ContainerName, "CrashLoopBackOff", "back-off")
			status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
			status.RestartCount = 4
			notReady(l, 0, status)
		}, false, v1.ReasonNodeFailing, "exit code 7 after 4 restarts"},
		"a pod finds no place": {func(l *look) {
			notReady(l, 2)
			l.nodes[2].pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "too many pods",
			}}
		}, false, v1.ReasonUnschedulable, "too many pods"},
		"a ready pod does not answer": {func(l *look) {
			l.nodes[1].answer, l.nodes[1].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 (no answer in time)"},
		"one is not there yet, and another does not answer": {func(l *look) {
			notReady(l, 0)
			l.nodes[1].answer, l.nodes[1].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodesStarting, "1 of 3 nodes are ready; not yet: n-sts-0; ready for the kubelet, but not answering the operator: n-sts-1 (no answer in time)"},
		"a removed node is still there": {func(l *look) { l.leaving = []string{"n-sts-3"} }, false, v1.ReasonNodesLeaving, "n-sts-3"},
		"a new template goes round": {func(l *look) {
			l.sets["n-sts"].Status = appsv1.StatefulSetStatus{UpdateRevision: "2", CurrentRevision: "1", UpdatedReplicas: 1}
		}, false, v1.ReasonUpdating, "1 of 3 nodes have the new template"},
		"a pod is seen as it was before the change": {func(l *look) {
			l.sets["n-sts"].Status = appsv1.StatefulSetStatus{UpdateRevision: "n-sts-2", CurrentRevision: "n-sts-2"}
			for i, revision := range []string{"n-sts-2", "n-sts-1", "n-sts-2"} {
				l.nodes[i].pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
			}
		}, false, v1.ReasonUpdating, "not yet with the new template: n-sts-1"},
		"one group waits for the other": {func(l *look) { l.waiting = "n-b-sts waits" }, false, v1.ReasonUpdating, "n-b-sts waits"},
		"the API server refused an object": {func(l *look) {
			l.refused = &refusal{v1.ReasonApplyRefused, "quota exceeded"}
		}, false, v1.ReasonApplyRefused, "quota exceeded"},
		"a connection is missing": {func(l *look) {
			l.connected, l.missing = 2, []topology.Edge{{A: 0, B: 2}}
		}, false, v1.ReasonConnecting, "2 of 3 connections exist; missing: 0–2"},
		"one that went may come back":          {func(l *look) { l.lingering = 1 }, false, v1.ReasonConnecting, "may still dial"},
		"a connection that should go is there": {func(l *look) { l.pending = 1 }, false, v1.ReasonConnecting, "being changed"},
		"the nodes are on two branches": {func(l *look) {
			l.chain.branches = make([]tip, 2)
		}, false, v1.ReasonForked, "2 competing branches"},
		"a node is two blocks behind":  {func(l *look) { l.chain.lag = 2 }, false, v1.ReasonSyncing, "2 blocks behind"},
		"a block is on its way":        {func(l *look) { l.chain.lag = 1 }, true, v1.ReasonReady, ""},
		"nobody compared the branches": {func(l *look) { l.chain.known = false }, false, v1.ReasonWaiting, "how their chains compare"},
	} {
		t.Run(name, func(t *testing.T) {
			l := healthy()
			test.change(l)
			got := judgeReady(judgeNodes(l), judgeConnections(l), judgeChains(l))
			if got.holds != test.ready || got.reason != test.reason || !strings.Contains(got.message, test.message) {
				t.Errorf("got %+v, want %v %s with %q", got, test.ready, test.reason, test.message)
			}
		})
	}
}

func TestEachTransitionIsOneEvent(t *testing.T) {
	status := func(change func(*v1.BitcoinNetworkStatus)) v1.BitcoinNetworkStatus {
		s := v1.BitcoinNetworkStatus{ObservedGeneration: 1, ChainTips: 1, ReadyNodes: 2, Nodes: []v1.NodeStatus{
			{Ordinal: 0, NodeName: "n-sts-0", Ready: true}, {Ordinal: 1, NodeName: "n-sts-1", Ready: true},
		}, Conditions: []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionFalse, Reason: v1.ReasonProgressing}}}
		change(&s)
		return s
	}
	same := status(func(*v1.BitcoinNetworkStatus) {})
	forked := status(func(s *v1.BitcoinNetworkStatus) { s.ChainTips = 2 })
	halfGone := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[1].Ready, s.ReadyNodes = false, 1 })
	lost := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[1].Ready = false })
	none := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[0].Ready, s.Nodes[1].Ready, s.ReadyNodes = false, false, 0 })
	otherGone := status(func(s *v1.BitcoinNetworkStatus) { s.Nodes[0].Ready, s.ReadyNodes = false, 1 })
	larger := status(func(s *v1.BitcoinNetworkStatus) {
		s.Nodes = append(s.Nodes, v1.NodeStatus{Ordinal: 2, NodeName: "n-sts-2"})
	})
	stalled := status(func(s *v1.BitcoinNetworkStatus) {
		s.Conditions = []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1.ReasonSecretMissing}}
	})
	for name, test := range map[string]struct {
		before, now v1.BitcoinNetworkStatus
		want        string
	}{
		"a fork and a node is lost":     {forked, halfGone, "NodeLost"},
		"a fork is back with a node":    {halfGone, forked, "NodeConnected"},
		"a fork is gone, and told once": {same, same, ""},
		"nothing changes":               {same, same, ""},
		"a fork is seen":                {same, forked, "Forked"},
		"a fork that goes on":           {forked, forked, ""},
		"a fork is gone":                {forked, same, "ForkGone"},
		"a node is lost":                {same, lost, "NodeLost"},
		"a lost node is back":           {lost, same, "NodeConnected"},
		"all nodes are ready at once":   {none, same, "NodeConnected"},
		"all nodes are lost at once":    {same, none, "NodeLost"},
		"one is lost, another is back":  {halfGone, otherGone, "NodeLost NodeConnected"},
		"the network grows":             {same, larger, "Scaled"},
		"the network shrinks":           {larger, same, "Scaled"},
		"a Secret is missing":           {same, stalled, "SecretMissing"},
		"it is still missing":           {stalled, stalled, ""},
		"the network is a new one":      {v1.BitcoinNetworkStatus{}, lost, "Created NodeConnected"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			// What was told before this is what the table's statuses have been through.
			told := test.before.ChainTips > 1 || name == "a fork is back with a node"
			for _, n := range notices(test.before, &v1.BitcoinNetwork{Status: test.now}, told) {
				got = append(got, n.reason)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v, want %q", got, test.want)
			}
		})
	}
}

func TestAnEventNamesEveryNodeThatItIsAbout(t *testing.T) {
	node := func(name string, ready bool) v1.NodeStatus {
		return v1.NodeStatus{NodeName: name, IP: "10.0.0.7", Ready: ready}
	}
	before := []v1.NodeStatus{node("a-0", false), node("a-1", false), node("a-2", true), node("a-3", true), node("a-4", true)}
	now := []v1.NodeStatus{node("a-0", true), node("a-1", true), node("a-2", false), node("a-3", false), node("a-4", true)}
	want := []notice{
		{corev1.EventTypeWarning, "NodeLost", "Watch", "2 nodes, which were ready, are not any more: a-2, a-3", "a-2"},
		{corev1.EventTypeNormal, "NodeConnected", "Connect", "2 nodes are ready: a-0, a-1", "a-0"},
	}
	if got := aboutNodes(before, now); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := aboutNodes(before[:1], now[:1]); len(got) != 1 || got[0].note != "a-0 is ready at 10.0.0.7" {
		t.Errorf("of one node: %+v", got)
	}
}

func TestComparisonLooksAtDesiredFieldsOnly(t *testing.T) {
	object := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for name, test := range map[string]struct {
		there, desired any
		want           bool
	}{
		"a default of the API server": {object("a", int64(1), "b", "default"), object("a", int64(1)), true},
		"a changed number":            {object("a", int64(1)), object("a", int64(0)), false},
		"a missing field":             {object(), object("a", false), false},
		"an item more in a list":      {[]any{"x", "y"}, []any{"x"}, false},
		"an empty list":               {nil, []any{}, true},
		"a nested change":             {object("a", []any{object("b", "c")}), object("a", []any{object("b", "d")}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := contains(test.there, test.desired); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
