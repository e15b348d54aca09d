package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestTheConnectionsOfANodeAreRenewedThreeTimesForOneBlock(t *testing.T) {
	nodes, _ := behindNetwork("aa", "a", "a", "aa")
	ahead := map[int][]int{1: {0, 3}}
	var behind behindNodes
	start, when := time.Now(), []string{}
	for second := 0; second <= 600; second++ {
		for i, kept := range behind.due(nodes, ahead, start.Add(time.Duration(second)*time.Second)) {
			when = append(when, fmt.Sprintf("%d:%d-%d", second, i, kept))
		}
	}
	if got, want := strings.Join(when, " "), "10:1-0 40:1-3 160:1-0"; got != want {
		t.Errorf("renewed at %s, want %s", got, want)
	}
	nodes[1].answer.chain.BestBlockHash = "ab"
	if got := behind.due(nodes, ahead, start.Add(601*time.Second)); len(got) > 0 {
		t.Errorf("renewed at once after a new block: %v", got)
	}
	if got := behind.due(nodes, ahead, start.Add(611*time.Second)); len(got) != 1 {
		t.Errorf("after ten seconds at the new block: %v", got)
	}
	// In the initial block download of a busy machine, headers come for a while before the first block.
	nodes[1].answer.chain.Headers = 2000
	if got := behind.due(nodes, ahead, start.Add(700*time.Second)); len(got) > 0 {
		t.Errorf("renewed while headers come: %v", got)
	}
	behind.due(nodes, nil, start.Add(701*time.Second))
	if len(behind) > 0 {
		t.Errorf("a node that is no longer behind is remembered: %v", behind)
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
		for i := range nodes {
			state.shared.startProbe(nodes[i].process())
		}
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
		if pass(chainComparison{branches: []tip{{}}}, time.Hour); state.behind != nil {
			t.Errorf("nodes on one block are remembered as behind: %v", state.behind)
		}
	})
}
