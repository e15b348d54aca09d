package controller

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A bitcoind whose best block is more than a day old, as the first block of regtest is, asks one peer for headers. It asks another one
// when a peer announces a new block, or after fifteen minutes. Two nodes without blocks that start together, or that were a partition,
// may have asked each other: without mining they stay behind peers that have blocks. A node asks again when the connection with that
// peer is closed, which it does not report. So all are closed but one, with a node that has more blocks.

// resyncDelays are how long a node stays behind its peers at one block before its connections are closed for the first time and after
// each time. After the last it is left alone: its user may want it so.
var resyncDelays = []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute}

// behindNode is a bitcoind process that does not know the blocks of its peers.
type behindNode struct {
	// best is the node's best block, and headers are those that it knows, since this time, or since the last attempt to close its
	// connections.
	best    string
	headers int64
	since   time.Time
	// restarts is how often its connections were closed, or may have been: attempts that failed for sure do not count.
	restarts int
}

// restartSync closes connections of nodes that do not ask their peers for blocks, in the background. The next passes connect them again.
func (c *nodeClient) restartSync(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, nodes []node, connections connections, chains chainComparison, now time.Time) {
	if chains.lag == 0 && len(chains.branches) < 2 {
		state.shared.dueForSync(nodes, nil, now)
		return
	}
	if connections.pending > 0 {
		return
	}
	ahead := nodesAhead(nodes, connections)
	peers := peersOf(nodes)
	for i, kept := range state.shared.dueForSync(nodes, ahead, now) {
		calls := closeAllBut(nodes, peers, i, kept)
		if len(calls) == 0 {
			continue
		}
		done, ok := state.shared.startChange(nodes[i].key())
		if !ok {
			continue
		}
		count := state.shared.attemptSync(nodes[i].key(), now)
		endpoint := c.endpoint(network, &nodes[i])
		logger := log.FromContext(ctx).WithValues("node", nodes[i].name())
		c.run(log.IntoContext(ctx, logger), state.shared.slots, changingCalls, func(ctx context.Context) {
			defer done()
			logger.Info("A node does not ask its peers for their blocks; its connections are renewed", "closed", len(calls))
			errs, err := c.rpc.Batch(ctx, endpoint, calls)
			if err == nil && !slices.ContainsFunc(errs, func(err error) bool { return err == nil || bitcoind.AlreadySo(err) }) {
				err = errors.Join(errs...)
			}
			switch unreachable, ok := errors.AsType[*bitcoind.UnreachableError](err); {
			case err == nil:
				count()
			case ok && unreachable.Timeout():
				// bitcoind carries out the calls all the same: without an end, the node would keep no connection.
				logger.Info("A node closes its connections slowly, or not at all", "error", err.Error())
				count()
			default:
				logger.Info("The connections of a node could not be closed; the operator tries again", "error", err.Error())
			}
		})
	}
}

// nodesAhead returns for each node the nodes that it is connected with and that have more blocks, if it has got headers of more blocks
// from none of its peers. One is enough: a peer does not announce a block to the node that it has got it from.
func nodesAhead(nodes []node, connections connections) map[int][]int {
	missing := make(map[topology.Edge]bool, len(connections.missing))
	for _, edge := range connections.missing {
		missing[edge] = true
	}
	headers := headersFromNodes(nodes)
	ahead := map[int][]int{}
	for _, edge := range connections.desired {
		if missing[edge] || !nodes[edge.A].callable() || !nodes[edge.B].callable() {
			continue
		}
		for _, e := range []topology.Edge{edge, {A: edge.B, B: edge.A}} {
			behind, peer := nodes[e.A].answer.chain, nodes[e.B].answer.chain
			if max(behind.Blocks, behind.Headers) < peer.Blocks && headers(e.A) <= behind.Blocks {
				ahead[e.A] = append(ahead[e.A], e.B)
			}
		}
	}
	return ahead
}

// headersFromNodes returns a function with the height up to which a node has got headers from other nodes. A foreign peer does not count: its
// branch may be one that the nodes reject.
func headersFromNodes(nodes []node) func(i int) int64 {
	peers := peersOf(nodes)
	known := map[int]int64{}
	return func(i int) int64 {
		height, ok := known[i]
		if ok {
			return height
		}
		for j := range nodes[i].answer.peers {
			peer := &nodes[i].answer.peers[j]
			if _, isNode := peers.nodeOf(i, j); isNode {
				height = max(height, peer.SyncedHeaders, peer.PresyncedHeaders)
			}
		}
		known[i] = height
		return height
	}
}

// dueForSync returns the nodes whose connections are to be closed, with the node of the connection that stays: another one each time. Nodes
// that have none ahead of them are no longer behind.
func (s *sharedState) dueForSync(nodes []node, ahead map[int][]int, now time.Time) map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := map[int]int{}
	for i := range nodes {
		if nodes[i].pod == nil {
			continue
		}
		state, peers := s.nodes[nodes[i].key()], ahead[i]
		if state == nil {
			continue
		}
		if len(peers) == 0 {
			state.behind = nil
			continue
		}
		chain, n := &nodes[i].answer.chain, state.behind
		if n == nil || n.best != chain.BestBlockHash || n.headers != chain.Headers {
			n = &behindNode{best: chain.BestBlockHash, headers: chain.Headers, since: now}
			state.behind = n
		}
		if n.restarts < len(resyncDelays) && now.Sub(n.since) >= resyncDelays[n.restarts] {
			due[i] = peers[n.restarts%len(peers)]
		}
	}
	return due
}

// attemptSync records that the connections of a node that is behind are being closed. The result counts the attempt, which is for the block
// that the node has now.
func (s *sharedState) attemptSync(of nodeKey, now time.Time) (count func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[of].behind
	n.since = now
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		n.restarts++
	}
}

// closeAllBut closes the connections of a node with the other nodes but one, and that one too if it is the only.
func closeAllBut(nodes []node, peers peerNodes, i, kept int) []bitcoind.Call {
	var others, all []bitcoind.Call
	for p := range nodes[i].answer.peers {
		peer := &nodes[i].answer.peers[p]
		j, isNode := peers.nodeOf(i, p)
		if !isNode || j == i {
			continue
		}
		call := bitcoind.DisconnectNode(peer.ID)
		all = append(all, call)
		if j != kept {
			others = append(others, call)
		}
	}
	if len(others) == 0 {
		return all
	}
	return others
}

// hostOf is the address of a peer without its port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}
