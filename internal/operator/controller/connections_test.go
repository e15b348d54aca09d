package controller

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestANetworkSettlesUntilAllAnswersAreFromAfterIt(t *testing.T) {
	now := time.Now()
	at := func(seconds int) *answer { return &answer{at: now.Add(time.Duration(seconds) * time.Second)} }
	for name, test := range map[string]struct {
		until   int
		answers []*answer
		want    time.Duration
	}{
		"no address was ever removed":                 {-1000, []*answer{at(0), at(0)}, 0},
		"a node settles for two more seconds":         {2, []*answer{at(0), at(0)}, 2 * time.Second},
		"all have settled, but an answer is older":    {-1, []*answer{at(0), at(-2)}, minBackoff},
		"all have settled, and all answers are newer": {-1, []*answer{at(0), at(0)}, 0},
		"a node that does not answer does not count":  {-1, []*answer{nil, at(0)}, 0},
	} {
		shared := newSharedState()
		shared.settlesAt(now.Add(time.Duration(test.until) * time.Second))
		shared.settlesAt(now.Add(-time.Hour)) // the latest counts
		var nodes []node
		for _, a := range test.answers {
			nodes = append(nodes, node{answer: a})
		}
		if got := settlingTime(shared.allSettledAt(), nodes, now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestANodeHasOneBatchOfChangesAtATime(t *testing.T) {
	shared := newSharedState()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	shared.startProbe((&node{pod: pod}).process())
	done, ok := shared.startChange((&node{pod: pod}).key())
	if _, again := shared.startChange((&node{pod: pod}).key()); !ok || again || shared.changing() != 1 {
		t.Errorf("started %v, a second time %v, %d nodes are changing", ok, again, shared.changing())
	}
	if done(); shared.changing() != 0 {
		t.Error("it is still changing")
	}
}

// meshOfThree are three nodes that are connected with each other, and know each other by their lists.
func meshOfThree(shared *sharedState) []node {
	nodes := allPodsReady(withAddresses(onChains("a", "a", "a")))
	for i := range nodes {
		shared.startProbe(nodes[i].process())
		nodes[i].answer.at = time.Now()
		for j := range nodes {
			if j != i {
				nodes[i].answer.added = append(nodes[i].answer.added, bitcoind.AddedNode{AddedNode: address(j)})
				nodes[i].answer.peers = append(nodes[i].answer.peers, bitcoind.PeerInfo{ID: int64(j), Addr: address(j), Version: 1})
			}
		}
	}
	return nodes
}

// A mesh of three becomes a line: two nodes remove each other from their lists.
func TestRemovedAddressesSettleAfterTheBatchEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake, release := newFakeNodes(), make(chan struct{})
		for i := range 3 {
			fake.answer(i, func(string, []any) (any, error) { <-release; return nil, nil })
		}
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3, Topology: &v1.Topology{Type: v1.TopologyLine}})
		shared := newSharedState()
		connect := func() connections {
			return client.connect(t.Context(), network, shared, meshOfThree(shared), 3, time.Now())
		}
		started := time.Now()
		if got := connect(); got.pending != 2 || got.settling != 0 || got.existing != 2 || len(got.missing) != 0 {
			t.Errorf("the first pass: %+v", got)
		}
		if took := time.Since(started); took != connectTimeout {
			t.Errorf("it waited %s for nodes that hang", took)
		}
		if got := connect(); got.pending != 4 {
			t.Errorf("while two nodes are changing, %d calls are pending, and not two more", got.pending)
		}
		trips := fake.calls()
		if len(trips) != 2 || trips[0]+trips[1]+trips[2] != 2 {
			t.Errorf("a node has more than one batch: %v", trips)
		}
		close(release)
		client.calls.Wait()
		if got := connect(); got.settling <= 0 {
			t.Error("both nodes have removed an address, and none is settling")
		}
		client.calls.Wait()
		time.Sleep(time.Hour)
		if got := connect(); got.settling != 0 {
			t.Errorf("an hour later, the network still settles for %s", got.settling)
		}
		client.calls.Wait()
	})
}

func TestAPassClosesConnectionsFromFormerAddresses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		var closed []any
		for i := range 3 {
			fake.answer(i, func(method string, params []any) (any, error) {
				if method == "disconnectnode" && i == 0 {
					closed = append(closed, params...)
				}
				return nil, nil
			})
		}
		client, shared := fake.client(t), newSharedState()
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
		nodes := meshOfThree(shared)
		client.connect(t.Context(), network, shared, nodes, 3, time.Now())
		nodes[2].pod.Status.PodIP = "10.0.0.50"
		nodes[0].answer.peers = append(nodes[0].answer.peers, bitcoind.PeerInfo{ID: 7, Addr: address(2) + ":40000", Inbound: true, Version: 1})
		client.connect(t.Context(), network, shared, nodes, 3, time.Now().Add(time.Second))
		client.calls.Wait()
		if !slices.ContainsFunc(closed, func(param any) bool { return param == 7.0 }) {
			t.Errorf("node 0 closes the connections %v, and not 7", closed)
		}
	})
}

// The next pass plans the changes of a node again whose batch failed.
func TestFailedChangesArePlannedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		fake.kill(0)
		for i := 1; i < 3; i++ {
			fake.answer(i, func(string, []any) (any, error) { return nil, errFake })
		}
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3, Topology: &v1.Topology{Type: v1.TopologyLine}})
		shared := newSharedState()
		for pass := 1; pass <= 3; pass++ {
			if got := client.connect(t.Context(), network, shared, meshOfThree(shared), 3, time.Now()); got.pending != 2 {
				t.Errorf("pass %d: %d calls are pending", pass, got.pending)
			}
			if shared.changing() != 0 {
				t.Errorf("pass %d: %d nodes are still changing", pass, shared.changing())
			}
			if got := fake.calls(); !maps.Equal(got, map[int]int{2: pass}) {
				t.Errorf("pass %d: round trips by node %v", pass, got)
			}
		}
	})
}

// The edges of the status are those that both ends report, whatever the topology specifies; nodes that are being removed have none.
func TestTheStatusHasTheConnectionsThatExist(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(nodes []node)
		staying int
		want    []v1.Ordinals
	}{
		"a mesh":                            {func([]node) {}, 3, []v1.Ordinals{"1-2", "0,2", "0-1"}},
		"one end of 0 and 1 has closed it":  {func(n []node) { n[0].answer.peers = n[0].answer.peers[1:] }, 3, []v1.Ordinals{"2", "2", "0-1"}},
		"node 1 does not answer":            {func(n []node) { n[1].answer = nil }, 3, []v1.Ordinals{"2", "", "0"}},
		"node 0 has not got a version of 2": {func(n []node) { n[0].answer.peers[1].Version = 0 }, 3, []v1.Ordinals{"1", "0,2", "1"}},
		"node 2 is being removed":           {func([]node) {}, 2, []v1.Ordinals{"1", "0"}},
		"node 0 has a peer that is no node": {func(n []node) { n[0].answer.peers[0].Addr = "10.9.9.9:1" }, 3, []v1.Ordinals{"2", "2", "0-1"}},
	} {
		inBubble(t, func(t *testing.T) {
			fake := newFakeNodes()
			for i := range 3 {
				fake.answer(i, func(string, []any) (any, error) { return nil, nil })
			}
			client, shared := fake.client(t), newSharedState()
			nodes := meshOfThree(shared)
			test.change(nodes)
			network := testNetwork(v1.BitcoinNetworkSpec{Nodes: int32(test.staying), Topology: &v1.Topology{Type: v1.TopologyLine}}) //nolint:gosec // three
			connected := client.connect(t.Context(), network, shared, nodes, test.staying, time.Now())
			client.calls.Wait()
			_, in := healthy()
			in.nodes, in.connections = nodes[:test.staying], connected
			for i := range in.nodes {
				in.nodes[i].podName = "p"
			}
			for i, status := range buildStatus(network, in, evaluate(in)).Nodes {
				if status.ConnectedWith != test.want[i] {
					t.Errorf("%s: node %d is connected with %q, want %q", name, i, status.ConnectedWith, test.want[i])
				}
			}
		})
	}
}
