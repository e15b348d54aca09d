package controller

import (
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// listedNode is one node of a network of two whose addnode list changes.
type listedNode struct {
	t       *testing.T
	shared  *sharedState
	network *v1.BitcoinNetwork
	nodes   []node
	now     time.Time
	leading time.Time
}

func newListedNode(t *testing.T) *listedNode {
	l := &listedNode{t: t, shared: newSharedState(), network: testNetwork(v1.BitcoinNetworkSpec{Nodes: 2}), nodes: allPodsReady(withAddresses(onChains("a", "a"))), now: time.Now()}
	for i := range l.nodes {
		l.shared.startProbe(l.nodes[i].process())
	}
	// The operator leads since long before the nodes were started.
	l.leading = l.now.Add(-time.Hour)
	l.started(l.now)
	return l
}

func (l *listedNode) started(at time.Time) {
	l.nodes[0].pod.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(at)
}

// byHand are the entries by hand after the node has this list.
func (l *listedNode) byHand(entries ...bitcoind.AddedNode) []string {
	l.t.Helper()
	l.now = l.now.Add(time.Second)
	l.nodes[0].answer = &answer{added: entries, at: l.now}
	l.shared.readLists(l.network, l.nodes, l.leading, l.now)
	return slices.Sorted(maps.Keys(l.shared.entriesByHand(&l.nodes[0])))
}

func (l *listedNode) sent(kind topology.ActionKind, entry string) {
	l.shared.entriesSent(l.nodes[0].key(), []topology.Action{{Kind: kind, Target: entry}}, l.now)
}

func entry(name string) bitcoind.AddedNode { return bitcoind.AddedNode{AddedNode: name} }

func connectedEntry(name string) bitcoind.AddedNode {
	return bitcoind.AddedNode{AddedNode: name, Connected: true}
}

func (l *listedNode) want(when string, got []string, want ...string) {
	l.t.Helper()
	if !slices.Equal(got, want) {
		l.t.Errorf("%s: %q were added by hand, want %q", when, got, want)
	}
}

func TestEntriesThatTheOperatorDidNotAddAreByHand(t *testing.T) {
	l := newListedNode(t)
	l.want("at first", l.byHand())
	l.sent(topology.Add, address(1))
	l.want("before the entry appears", l.byHand())
	l.want("beside an entry of the operator", l.byHand(entry(address(1)), entry("10.9.9.9"), entry("btcd:18444")), "10.9.9.9", "btcd:18444")
	l.want("after the person has removed one", l.byHand(entry(address(1)), entry("btcd:18444")), "btcd:18444")
	l.sent(topology.Remove, address(1))
	l.want("while the operator removes its own", l.byHand(entry(address(1))))
	l.want("when it is removed", l.byHand())
	l.want("when a person adds the same again", l.byHand(entry(address(1))), address(1))
}

// A call that has timed out may be carried out later.
func TestAnEntryThatAppearsWithADelayIsTheOperators(t *testing.T) {
	l := newListedNode(t)
	l.byHand()
	l.sent(topology.Add, address(1))
	l.now = l.now.Add(entryDelay - 2*time.Second)
	l.want("not yet", l.byHand())
	l.want("after the delay", l.byHand(entry(address(1))))
}

// An operator that has just been started finds entries of its predecessor.
func TestAfterARestartOfTheOperatorOnlyConnectedForeignEntriesAreByHand(t *testing.T) {
	l := newListedNode(t)
	l.started(l.leading.Add(-time.Minute))
	l.network.Status.Nodes = []v1.NodeStatus{{IP: "10.0.0.77"}}
	l.want("at first", l.byHand(
		connectedEntry(address(1)), entry("10.0.0.66"), connectedEntry("10.0.0.77"), connectedEntry("10.9.9.9"), connectedEntry("btcd:18444"), entry("[fd00::1]:18444"),
	), "10.9.9.9", "[fd00::1]:18444", "btcd:18444")
}

// A person adds a neighbour of the node, whose pod then gets another address: what has the old one later is nobody's intention.
func TestTheOldAddressOfANodeIsNotByHand(t *testing.T) {
	l := newListedNode(t)
	l.byHand()
	l.want("while the node has it", l.byHand(entry(address(1))), address(1))
	l.nodes[1].pod.Status.PodIP = "10.0.0.50"
	l.want("when it has another one", l.byHand(entry(address(1))))
}

func TestTheRemovalOfAnEntryByHandIsRecordedOnce(t *testing.T) {
	l := newListedNode(t)
	l.byHand()
	removal := []topology.Action{{Node: 0, Kind: topology.Remove, Target: address(1), Peer: 1, ByHand: true}, {Node: 0, Kind: topology.Remove, Target: "10.7.7.7", Peer: -1}}
	for i, want := range []int{1, 0} {
		l.byHand(entry(address(1)), entry("10.7.7.7"))
		if got := l.shared.newByHand(l.nodes, removal); len(got) != want {
			t.Errorf("pass %d: %v", i, got)
		}
	}
	l.byHand()
	l.byHand(entry(address(1)))
	if got := l.shared.newByHand(l.nodes, removal[:1]); len(got) != 1 {
		t.Errorf("when the person adds it again: %v", got)
	}
}

// A node has lost its machine, and its new pod another address. Other pods may have got the old one since.
func TestConnectionsFromTheFormerAddressOfANodeAreClosed(t *testing.T) {
	start := time.Now()
	old := start.Add(-time.Minute).Unix()
	for name, test := range map[string]struct {
		peer   bitcoind.PeerInfo
		change func(l *listedNode)
		want   int
	}{
		"its connection of before":      {bitcoind.PeerInfo{ID: 7, Addr: address(1) + ":40000", Inbound: true, ConnectedAt: old}, nil, 1},
		"a connection of afterwards":    {bitcoind.PeerInfo{ID: 7, Addr: address(1) + ":40000", Inbound: true, ConnectedAt: start.Add(time.Minute).Unix()}, nil, 0},
		"a connection to it":            {bitcoind.PeerInfo{ID: 7, Addr: address(1) + ":18444", ConnectedAt: old}, nil, 0},
		"the connection of another pod": {bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.77:40000", Inbound: true, ConnectedAt: old}, nil, 0},
		"that of its address now":       {bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.50:40000", Inbound: true, ConnectedAt: old}, nil, 0},
		"a node that cannot be called":  {bitcoind.PeerInfo{ID: 7, Addr: address(1) + ":40000", Inbound: true, ConnectedAt: old}, func(l *listedNode) { l.nodes[0].busy = true }, 0},
		"an address of the status":      {bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.60:40000", Inbound: true, ConnectedAt: old}, nil, 1},
		"the other node has no pod":     {bitcoind.PeerInfo{ID: 7, Addr: address(1) + ":40000", Inbound: true, ConnectedAt: old}, func(l *listedNode) { l.nodes[1].pod, l.nodes[1].answer = nil, nil }, 1},
		"it after the node's new pod":   {bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.60:40000", Inbound: true, ConnectedAt: start.Add(-20 * time.Second).Unix()}, nil, 0},
	} {
		l := newListedNode(t)
		l.network.Status.Nodes = []v1.NodeStatus{{Ordinal: 1, IP: "10.0.0.60"}}
		l.nodes[1].pod.CreationTimestamp = metav1.NewTime(start.Add(-30 * time.Second))
		l.byHand()
		l.nodes[1].pod.Status.PodIP = "10.0.0.50"
		l.byHand()
		l.nodes[0].answer.peers = []bitcoind.PeerInfo{test.peer}
		if test.change != nil {
			test.change(l)
		}
		got := l.shared.formerConnections(l.nodes)
		if len(got) != test.want {
			t.Errorf("%s: %v", name, got)
		}
		for _, action := range got {
			if want := (topology.Action{Node: 0, Kind: topology.Disconnect, Target: test.peer.Addr, PeerID: 7, Peer: -1}); action != want {
				t.Errorf("%s: %v, want %v", name, action, want)
			}
		}
		of := l.nodes[0].process()
		l.shared.endsClosed(of, got, nil)
		if again := l.shared.formerConnections(l.nodes); !slices.Equal(again, got) {
			t.Errorf("%s: when the call has failed: %v", name, again)
		}
		l.shared.endsClosed(process{of.nodeKey, "another"}, got, got)
		if again := l.shared.formerConnections(l.nodes); !slices.Equal(again, got) {
			t.Errorf("%s: when an earlier process has closed it: %v", name, again)
		}
		l.shared.endsClosed(of, got, got)
		if again := l.shared.formerConnections(l.nodes); len(again) > 0 {
			t.Errorf("%s: once more: %v", name, again)
		}
	}
}

// A node has two connections from one former address, and one from another.
func TestAFormerAddressIsDoneWhenAllItsConnectionsAreClosed(t *testing.T) {
	l := newListedNode(t)
	old := l.now.Add(-time.Minute).Unix()
	l.network.Status.Nodes = []v1.NodeStatus{{Ordinal: 1, IP: "10.0.0.60"}, {Ordinal: 1, IP: "10.0.0.61"}}
	l.nodes[1].pod.CreationTimestamp = metav1.NewTime(l.now)
	l.byHand()
	for i, from := range []string{"10.0.0.60:1", "10.0.0.60:2", "10.0.0.61:1"} {
		l.nodes[0].answer.peers = append(l.nodes[0].answer.peers, bitcoind.PeerInfo{ID: int64(i), Addr: from, Inbound: true, ConnectedAt: old})
	}
	planned := l.shared.formerConnections(l.nodes)
	if len(planned) != 3 {
		t.Fatalf("planned %v", planned)
	}
	// The plan has the actions of other nodes too.
	l.shared.endsClosed(l.nodes[0].process(), append(slices.Clone(planned), topology.Action{Node: 1, Kind: topology.Disconnect, Target: "10.0.0.61:1"}), planned[1:])
	if again := l.shared.formerConnections(l.nodes); !slices.Equal(again, planned[:2]) {
		t.Errorf("when one of them could not be closed: %v", again)
	}
}

// What the node has answered before the end still has the connection.
func TestTheEndOfAFormerConnectionIsTriedAgainAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
		shared := newSharedState()
		nodes := meshOfThree(shared)
		network.Status.Nodes = []v1.NodeStatus{{Ordinal: 2, IP: "10.0.0.60"}}
		nodes[2].pod.CreationTimestamp = metav1.Now()
		nodes[1].answer.peers = append(nodes[1].answer.peers, bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.60:40000", Inbound: true, ConnectedAt: time.Now().Add(-time.Minute).Unix()})
		client := fake.client(t)
		for _, step := range []struct {
			when    string
			handler nodeHandler
			pending int
		}{
			{"the call fails", func(string, []any) (any, error) { return nil, errFake }, 1},
			{"the node does not answer", nil, 1},
			{"the connection has ended by itself", func(string, []any) (any, error) {
				return nil, &bitcoind.RPCError{Code: bitcoind.CodeNodeNotConnected, Message: "Node not found in connected nodes"}
			}, 1},
			{"it is done", healthyNode, 0},
		} {
			fake.answer(1, step.handler)
			if got := client.connect(t.Context(), network, shared, nodes, 3, time.Now()); got.pending != step.pending {
				t.Errorf("%s: %d changes are pending, want %d", step.when, got.pending, step.pending)
			}
			time.Sleep(callTimeout + time.Second)
		}
	})
}
