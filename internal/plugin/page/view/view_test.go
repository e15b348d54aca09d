package view

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func four() *v1.BitcoinNetwork {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: v1.BitcoinNetworkSpec{
		Nodes: 3, Groups: []v1.Group{{Name: "old", Nodes: 1}}, Topology: &v1.Topology{Type: v1.TopologyRing}, Partitions: []v1.Partition{{Nodes: []int32{0, 1}}},
		Mining: &v1.Mining{Interval: &metav1.Duration{Duration: 10 * time.Second}, Node: new(int32(2))},
	}}
	for i := range int32(4) {
		network.Status.Nodes = append(network.Status.Nodes, v1.NodeStatus{Ordinal: i, Ready: true, Version: "/Satoshi:29/"})
	}
	network.Status.Nodes[0].ConnectedWith, network.Status.Nodes[1].ConnectedWith = "1", "0"
	network.Status.Connections, network.Status.ReadyNodes, network.Status.ChainTips = 1, 4, 2
	network.Status.ForeignPeers = []v1.ForeignPeer{{Address: "10.0.0.9", Version: "/LND\u202e/", Nodes: []int32{0, 1}}, {Address: "127.0.0.1", Version: "/kubectl-btcnet:dev/", Nodes: []int32{0}}}
	network.Status.Nodes[0].ForeignPeers, network.Status.Nodes[0].Peers = 2, 3
	network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionReady, Status: "False", Reason: "Connecting", Message: "line\nline"}}
	return network
}

func TestANetworkHasWhatThePageShows(t *testing.T) {
	got := OfNetwork(four())
	want := Network{
		Name: "net", Topology: "Ring", Nodes: 4, Ready: 4, Tips: 2, Connections: 1, Desired: 2, State: "Connecting", Message: `line\nline`, Edges: true,
		Mining: "a block every 10s, by node 2", Sides: []v1.Ordinals{"0-1"}, Groups: []string{"old"}, Foreign: []Foreign{{"10.0.0.9", `/LND\u202e/`, "0-1"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	older := four()
	older.Status.Nodes[0].ConnectedWith, older.Status.Nodes[1].ConnectedWith = "", ""
	if OfNetwork(older).Edges {
		t.Error("an operator that counts connections and does not name them reports them")
	}
}

func TestEachNodeHasItsPlaceAndItsProblem(t *testing.T) {
	running := corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}
	waiting := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}}
	ended := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled"}}}}}
	unplaced := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "no room"}}}
	for want, pod := range map[string]*corev1.Pod{
		"":                              {Status: running},
		"its pod does not exist":        nil,
		"its pod is being deleted":      {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{Time: time.Now()}}, Status: running},
		"CrashLoopBackOff":              {Status: waiting},
		"bitcoind has ended: OOMKilled": {Status: ended},
		"no room":                       {Status: unplaced},
		"its pod is Failed":             {Status: corev1.PodStatus{Phase: corev1.PodFailed}},
	} {
		values := OfNodes(four(), func(string) *corev1.Pod { return pod })
		node, ok := values["node/net/3"].(Node)
		if !ok || len(values) != 4 || node.Problem != want || node.Ready != (want == "") || node.Group != "old" || node.Pod != "net-old-sts-0" || node.Wanted != "2" {
			t.Errorf("%q: %+v of %d nodes", want, node, len(values))
		}
	}
	network := four()
	network.Status.Nodes[3].Ready = false
	node, _ := OfNodes(network, func(string) *corev1.Pod { return &corev1.Pod{Status: running} })["node/net/3"].(Node)
	if node.Ready || node.Problem != "bitcoind does not answer yet" {
		t.Errorf("a node that is not ready: %+v", node)
	}
	if node, _ := OfNodes(network, nil)["node/net/0"].(Node); !node.Ready || node.Foreign != 1 || node.Peers != 2 || node.Peered != "1" || node.Problem != "" {
		t.Errorf("without the right to see pods: %+v", node)
	}
}

// A pod may have several nodes, which share its problem.
func TestNodesOfOnePodAreNamedWithTheirSlots(t *testing.T) {
	network := four()
	network.Spec.NodesPerPod = 2
	pods := map[string]*corev1.Pod{"net-sts-0": {Status: corev1.PodStatus{Phase: corev1.PodRunning}}}
	var got []string
	for i, values := 0, OfNodes(network, func(name string) *corev1.Pod { return pods[name] }); i < 4; i++ {
		node, _ := values[NodeKey("net", i)].(Node)
		got = append(got, node.Pod+" "+node.Problem)
	}
	want := []string{"net-sts-0/0 ", "net-sts-0/1 ", "net-sts-1/0 its pod does not exist", "net-old-sts-0/0 its pod does not exist"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the nodes are %q, want %q", got, want)
	}
}

// A status of the largest mesh stays small, since each edge is in ranges.
func TestTheLargestMeshIsSmall(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: v1.BitcoinNetworkSpec{Nodes: 500}}
	text, err := json.Marshal(OfNodes(network, nil))
	if err != nil || len(text) > 100_000 {
		t.Errorf("%d bytes (%v)", len(text), err)
	}
}

func TestEventsHaveTheirLatestTime(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for want, event := range map[int64]*corev1.Event{
		5: {EventTime: metav1.MicroTime{Time: at(1)}, Series: &corev1.EventSeries{Count: 3, LastObservedTime: metav1.MicroTime{Time: at(5)}}},
		1: {EventTime: metav1.MicroTime{Time: at(1)}},
		4: {LastTimestamp: metav1.Time{Time: at(4)}, FirstTimestamp: metav1.Time{Time: at(2)}},
		3: {ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.Time{Time: at(3)}}},
	} {
		event.Type, event.Message = corev1.EventTypeWarning, strings.Repeat("日", 2*maxText)
		got := OfEvent(event)
		if got.Time != want*1000 || !got.Warning || len([]rune(got.Note)) != maxText+1 || (want == 5) != (got.Count == 3) {
			t.Errorf("%d: %+v", want, got)
		}
	}
}
