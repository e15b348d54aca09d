package controller

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// connectTimeout is how long a pass waits for nodes that change their connections. The next pass sees the effects, and starts
// no further changes on nodes that are still busy.
const connectTimeout = 500 * time.Millisecond

// connections are the connections of a network, as the nodes reported them before the pass changed any.
type connections struct {
	desired []topology.Edge
	// observed are the connections between nodes that stay, desired or not.
	observed []topology.Edge
	// existing is the number of desired connections that exist, missing are the others.
	existing int
	missing  []topology.Edge
	// pending is the number of calls that change connections and were started by this pass or have not ended since an earlier one.
	pending int
	// removedByHand are the removals, planned for the first time, of entries that a person added.
	removedByHand []topology.Action
	// foreign are the peers that are no nodes of the network, and bridges those of them that connect partitions.
	foreign, bridges []topology.Foreign
	// settling is the time until no node dials an address any more that was removed from its addnode list, 0 when none does.
	settling time.Duration
	// joined is true while nodes of two sides of a partition are still connected, or may dial each other.
	joined bool
}

// connect compares the existing connections with the desired ones and changes them on all nodes at the same time.
// The nodes from the number staying on are being removed.
func (c *nodeClient) connect(ctx context.Context, network *v1.BitcoinNetwork, shared *sharedState, nodes []node, staying int, now time.Time) connections {
	shared.readLists(network, nodes, c.leadingSince(), now)
	observed := observedTopology(nodes, shared)
	// The number is read before the settling time: a batch records the settling time before it ends, so that each batch is counted
	// in at least one of them.
	changing := shared.changing()
	spec := topology.SpecOf(network.Spec, staying)
	result := connections{
		desired:  topology.Desired(spec),
		observed: topology.Observe(observed[:staying]),
		foreign:  topology.ForeignPeers(observed, shared.isOwnAddress),
		settling: settlingTime(shared.allSettledAt(), nodes, now),
	}
	result.bridges = topology.Bridges(spec, result.foreign)
	result.existing, result.missing = topology.Connected(result.desired, observed)
	result.joined = sidesJoined(staying, result.desired, observed, result.settling)
	actions := topology.Plan(slices.Concat(result.desired, departingEdges(observed, staying, network.Spec.Partitions)), observed)
	result.removedByHand = shared.newByHand(nodes, actions)
	former := shared.formerConnections(nodes)
	actions = append(actions, former...)
	result.pending = changing + len(actions)
	byNode := map[int][]topology.Action{}
	for _, action := range actions {
		byNode[action.Node] = append(byNode[action.Node], action)
	}
	var awaited sync.WaitGroup
	for ordinal, actions := range byNode {
		if nodes[ordinal].busy {
			continue
		}
		done, ok := shared.startChange(nodes[ordinal].key())
		if !ok {
			continue
		}
		shared.entriesSent(nodes[ordinal].key(), actions, now)
		settling := topology.SettlingTime(result.desired, observed[ordinal], actions)
		endpoint, of := c.endpoint(network, &nodes[ordinal]), nodes[ordinal].process()
		logged := log.IntoContext(ctx, log.FromContext(ctx).WithValues("node", nodes[ordinal].name()))
		awaited.Add(1)
		c.run(logged, shared.slots, changingCalls, func(ctx context.Context) {
			defer awaited.Done()
			defer done()
			// Also for a settling time of 0: answers from before the end of the batch do not show its effects.
			defer func() { shared.settlesAt(c.now().Add(settling)) }()
			shared.endsClosed(of, former, c.change(ctx, endpoint, actions))
		})
	}
	waitFor(ctx, &awaited, connectTimeout)
	return result
}

// change carries out the actions on one node and returns those that took effect. An action that fails is planned again by the next pass.
func (c *nodeClient) change(ctx context.Context, endpoint bitcoind.Endpoint, actions []topology.Action) (done []topology.Action) {
	logger := log.FromContext(ctx)
	errs, err := c.rpc.Batch(ctx, endpoint, calls(actions))
	if err != nil {
		logger.Info("The connections of a node could not be changed; the operator tries again", "error", err.Error())
		return nil
	}
	for i, err := range errs {
		if err != nil && !bitcoind.AlreadySo(err) {
			logger.Info("A connection could not be changed; the operator tries again", "call", actions[i].String(), "error", err.Error())
			continue
		}
		logger.V(1).Info("Connection changed", "call", actions[i].String())
		done = append(done, actions[i])
	}
	return done
}

// settlingTime is the time until all nodes have settled; 0 when all answers are from after that. The connections of busy nodes are
// those that the others report.
func settlingTime(allSettledAt time.Time, nodes []node, now time.Time) time.Duration {
	for i := range nodes {
		if a := nodes[i].answer; a != nil && !nodes[i].busy && !a.at.After(allSettledAt) {
			return max(allSettledAt.Sub(now), minBackoff)
		}
	}
	return 0
}

func calls(actions []topology.Action) []bitcoind.Call {
	list := make([]bitcoind.Call, len(actions))
	for i, action := range actions {
		switch action.Kind {
		case topology.Add:
			list[i] = bitcoind.AddNode(action.Target)
		case topology.Remove:
			list[i] = bitcoind.RemoveNode(action.Target)
		case topology.OneTry:
			list[i] = bitcoind.DialOnce(action.Target)
		case topology.Disconnect:
			list[i] = bitcoind.DisconnectNode(action.PeerID)
		}
	}
	return list
}

// observedTopology converts the nodes' answers to the types of package topology.
func observedTopology(nodes []node, shared *sharedState) []topology.Node {
	list := make([]topology.Node, len(nodes))
	for i := range nodes {
		list[i] = topologyNode(&nodes[i])
		if nodes[i].answer != nil {
			list[i].ByHand = shared.entriesByHand(&nodes[i])
		}
	}
	return list
}

// topologyNode is a node as it answered, without what is known of its entries.
func topologyNode(n *node) topology.Node {
	observed := topology.Node{Ordinal: n.ordinal, Address: n.ip(), Port: n.port(v1.P2PPort), Shared: n.shared, Answered: n.answer != nil, Busy: n.busy}
	if n.answer == nil {
		return observed
	}
	for _, added := range n.answer.added {
		observed.Added = append(observed.Added, added.AddedNode)
		if len(added.Addresses) > 0 && net.ParseIP(added.AddedNode) == nil {
			if observed.Resolved == nil {
				observed.Resolved = map[string]string{}
			}
			observed.Resolved[added.AddedNode] = added.Addresses[0].Address
		}
	}
	for _, peer := range n.answer.peers {
		observed.Peers = append(observed.Peers, topology.Peer{
			ID: peer.ID, Address: peer.Addr, Bind: peer.AddrBind, Inbound: peer.Inbound, Handshaked: peer.Version > 0,
			Agent: peer.Subversion, ServesBlocks: peer.ServesBlocks(),
		})
	}
	return observed
}
