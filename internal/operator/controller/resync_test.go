package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// behindNetwork is a mesh of four nodes on these chains.
func behindNetwork(chains ...string) ([]node, connections) {
	nodes := allPodsReady(withAddresses(onChains(chains...)))
	for i := range nodes {
		for j := range nodes {
			if i != j && nodes[i].answer != nil {
				nodes[i].answer.peers = append(nodes[i].answer.peers, bitcoind.PeerInfo{ID: int64(j), Addr: address(j) + ":18444", Version: 70016, SyncedHeaders: -1, PresyncedHeaders: -1})
			}
		}
	}
	return nodes, connections{desired: topology.Desired(topology.Spec{Nodes: len(nodes)})}
}

func TestNodesThatDoNotKnowTheBlocksOfTheirPeersAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		chains []string
		change func(nodes []node, c *connections)
		want   map[int][]int
	}{
		"all on one block":         {chains: []string{"aa", "aa", "aa", "aa"}, want: map[int][]int{}},
		"two nodes without blocks": {chains: []string{"aa", "", "", "aa"}, change: withoutBlocks(1, 2), want: map[int][]int{1: {0, 3}, 2: {0, 3}}},
		"a lower competing branch": {chains: []string{"aaa", "b", "aaa", "aaa"}, want: map[int][]int{1: {0, 2, 3}}},
		"blocks are on their way": {chains: []string{"aaa", "a", "aaa", "aaa"}, want: map[int][]int{}, change: func(nodes []node, _ *connections) {
			nodes[1].answer.chain.Headers = 3
		}},
		"blocks of a peer that it has rejected": {chains: []string{"aaa", "a", "aaa", "aaa"}, want: map[int][]int{}, change: func(nodes []node, _ *connections) {
			// As after invalidateblock: the headers that it knows are those of its own branch, but it has got those of node 0.
			nodes[1].answer.peers[0].SyncedHeaders = 3
		}},
		"more headers of a peer that is no node": {chains: []string{"aaa", "a", "aaa", "aaa"}, want: map[int][]int{1: {0, 2, 3}}, change: func(nodes []node, _ *connections) {
			nodes[1].answer.peers = append(nodes[1].answer.peers, bitcoind.PeerInfo{Addr: "192.0.2.7:18444", SyncedHeaders: 9, PresyncedHeaders: 9})
		}},
		"a long branch that it is still checking": {chains: []string{"aaa", "b", "b", "b"}, want: map[int][]int{1: {0}, 3: {0}}, change: func(nodes []node, _ *connections) {
			nodes[2].answer.peers[0].PresyncedHeaders = 2
		}},
		"not connected": {chains: []string{"aa", "a", "a", "a"}, want: map[int][]int{}, change: func(_ []node, c *connections) {
			c.missing = []topology.Edge{{A: 0, B: 1}, {A: 0, B: 2}, {A: 0, B: 3}}
		}},
		"busy": {chains: []string{"aa", "a", "aa", "aa"}, want: map[int][]int{}, change: func(nodes []node, _ *connections) { nodes[1].busy = true }},
	} {
		t.Run(name, func(t *testing.T) {
			nodes, connections := behindNetwork(c.chains...)
			if c.change != nil {
				c.change(nodes, &connections)
			}
			if got := nodesAhead(nodes, connections); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func withoutBlocks(indices ...int) func([]node, *connections) {
	return func(nodes []node, _ *connections) {
		for _, i := range indices {
			nodes[i].answer = &answer{chain: bitcoind.ChainInfo{BestBlockHash: "0"}}
		}
	}
}

// probedState is the state of a network with these nodes.
func probedState(nodes []node) *sharedState {
	shared := newSharedState()
	for i := range nodes {
		shared.startProbe(nodes[i].process())
	}
	return shared
}

// renewed are the nodes whose connections are closed, without a failure.
func (s *sharedState) renewed(nodes []node, ahead map[int][]int, now time.Time) map[int]int {
	due := s.dueForSync(nodes, ahead, now)
	for i := range due {
		s.attemptSync(nodes[i].key(), now)()
	}
	return due
}

func TestTheConnectionsOfANodeAreRenewedThreeTimesForOneBlock(t *testing.T) {
	nodes, _ := behindNetwork("aa", "a", "a", "aa")
	ahead := map[int][]int{1: {0, 3}}
	shared := probedState(nodes)
	start, when := time.Now(), []string{}
	for second := 0; second <= 600; second++ {
		for i, kept := range shared.renewed(nodes, ahead, start.Add(time.Duration(second)*time.Second)) {
			when = append(when, fmt.Sprintf("%d:%d-%d", second, i, kept))
		}
	}
	if got, want := strings.Join(when, " "), "10:1-0 40:1-3 160:1-0"; got != want {
		t.Errorf("renewed at %s, want %s", got, want)
	}
	nodes[1].answer.chain.BestBlockHash = "ab"
	if got := shared.renewed(nodes, ahead, start.Add(601*time.Second)); len(got) > 0 {
		t.Errorf("renewed at once after a new block: %v", got)
	}
	if got := shared.renewed(nodes, ahead, start.Add(611*time.Second)); len(got) != 1 {
		t.Errorf("after ten seconds at the new block: %v", got)
	}
	// In the initial block download of a busy machine, headers come for a while before the first block.
	nodes[1].answer.chain.Headers = 2000
	if got := shared.renewed(nodes, ahead, start.Add(700*time.Second)); len(got) > 0 {
		t.Errorf("renewed while headers come: %v", got)
	}
	shared.renewed(nodes, nil, start.Add(701*time.Second))
	if behind := shared.behindOf(&nodes[1]); behind != nil {
		t.Errorf("a node that is no longer behind is remembered: %v", behind)
	}
}

// A process that starts has other connections.
func TestTheRenewalsOfAnEarlierProcessDoNotCount(t *testing.T) {
	nodes, _ := behindNetwork("aa", "a", "a", "aa")
	ahead := map[int][]int{1: {0, 3}}
	shared := probedState(nodes)
	now := time.Now()
	for range 10 {
		shared.renewed(nodes, ahead, now)
		now = now.Add(time.Hour)
	}
	if got := shared.renewed(nodes, ahead, now); len(got) > 0 {
		t.Errorf("renewed more than three times: %v", got)
	}
	nodes[1].pod.Status.ContainerStatuses[0].ContainerID = "containerd://2"
	shared.startProbe(nodes[1].process())
	if got := shared.renewed(nodes, ahead, now); len(got) > 0 {
		t.Errorf("renewed at once: %v", got)
	}
	if got := shared.renewed(nodes, ahead, now.Add(resyncDelays[0])); len(got) != 1 {
		t.Errorf("after ten seconds of the new process: %v", got)
	}
}

func TestAllConnectionsButOneWithANodeThatHasMoreBlocksAreClosed(t *testing.T) {
	nodes, _ := behindNetwork("aa", "a", "a", "aa")
	nodes[1].answer.peers = append(nodes[1].answer.peers, bitcoind.PeerInfo{ID: 99, Addr: "192.0.2.7:18444"})
	closed := func(kept int) (ids []int64) {
		for _, call := range closeAllBut(nodes, peersOf(nodes), 1, kept) {
			ids = append(ids, call.Params[1].(int64))
		}
		return ids
	}
	if got := closed(0); !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("closed %v: the peers that are no nodes stay, and one node", got)
	}
	nodes[1].answer.peers = nodes[1].answer.peers[:1]
	if got := closed(0); !slices.Equal(got, []int64{0}) {
		t.Errorf("closed %v of the only connection", got)
	}
}

func TestConnectionsAreRenewedByCallsToTheNodeThatIsBehind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		for i := range 4 {
			fake.answer(i, healthyNode)
		}
		nodes, connections := behindNetwork("aa", "a", "aa", "aa")
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 4})
		state := newNetworkState(network)
		state.shared = probedState(nodes)
		client := fake.client(t)
		pass := func(chains chainComparison, after time.Duration) int {
			time.Sleep(after)
			client.restartSync(t.Context(), network, state, nodes, connections, chains, time.Now())
			time.Sleep(time.Second)
			return fake.calls()[1]
		}
		lagging := chainComparison{lag: 1, branches: []tip{{}}}
		if got := pass(lagging, 0); got != 0 {
			t.Errorf("%d calls at once", got)
		}
		if got := pass(lagging, resyncDelays[0]); got != 1 {
			t.Errorf("%d calls after %s, want 1 batch", got, resyncDelays[0])
		}
		connections.pending = 1
		if got := pass(lagging, time.Hour); got != 1 {
			t.Errorf("%d calls while connections change", got)
		}
		connections.pending = 0
		pass(chainComparison{branches: []tip{{}}}, time.Hour)
		if behind := state.shared.behindOf(&nodes[1]); behind != nil {
			t.Errorf("nodes on one block are remembered as behind: %v", behind)
		}
	})
}

// The machine of another node was lost, and the node closes the connection from its former address slowly.
func TestChangesOfConnectionsUseUpNoRenewal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake, release := newFakeNodes(), make(chan struct{})
		fake.answer(1, func(string, []any) (any, error) { <-release; return nil, nil })
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 3})
		state := newNetworkState(network)
		client := fake.client(t)
		behind := func() []node {
			nodes := meshOfThree(state.shared)
			for i, blocks := range []int64{2, 1, 2} {
				nodes[i].answer.chain.Blocks = blocks
			}
			return nodes
		}
		lagging := chainComparison{lag: 1, branches: []tip{{}}}
		pass := func(nodes []node) int {
			connections := client.connect(t.Context(), network, state.shared, nodes, 3, time.Now())
			client.restartSync(t.Context(), network, state, nodes, connections, lagging, time.Now())
			return connections.pending
		}
		if got := pass(behind()); got != 0 {
			t.Fatalf("%d changes in a complete mesh", got)
		}
		time.Sleep(resyncDelays[0])
		network.Status.Nodes = []v1.NodeStatus{{Ordinal: 2, IP: "10.0.0.60"}}
		nodes := behind()
		nodes[2].pod.CreationTimestamp = metav1.Now()
		nodes[1].answer.peers = append(nodes[1].answer.peers, bitcoind.PeerInfo{ID: 7, Addr: "10.0.0.60:40000", Inbound: true, ConnectedAt: time.Now().Add(-time.Minute).Unix()})
		if got := pass(nodes); got != 1 {
			t.Errorf("%d changes are pending, want the end of the former connection", got)
		}
		if got := pass(nodes); got != 1 {
			t.Errorf("%d changes are pending while the node is slow", got)
		}
		// Also if only the node itself is known to be changing.
		client.restartSync(t.Context(), network, state, nodes, connections{desired: topology.Desired(topology.Spec{Nodes: 3})}, lagging, time.Now())
		if got := state.shared.behindOf(&nodes[1]); got == nil || got.restarts != 0 || time.Since(got.since) < resyncDelays[0] {
			t.Errorf("an attempt is used up without a call: %+v", got)
		}
		close(release)
		time.Sleep(time.Second)
		pass(behind())
		time.Sleep(time.Second)
		if fake.calls()[1] != 2 {
			t.Errorf("%d calls, want the end of the former connection and the renewal", fake.calls()[1])
		}
	})
}
