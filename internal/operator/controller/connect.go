package controller

import (
	"context"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// defaultDegree of a Random topology, where the network has enough nodes for it.
const defaultDegree = 4

// connect compares the connections there are with those that should be, and makes the calls that are missing, on all
// nodes at the same time.
func (r *Reconciler) connect(ctx context.Context, l *look) error {
	l.desired = topology.Desired(topologySpec(l.network.Spec, len(l.nodes)))
	nodes := observed(l.nodes)
	// In this order: a batch notes what lingers before it ends, so that one that ends in between counts at least once.
	acting := l.memory.acting()
	l.lingering = l.stillLingering()
	l.connected, l.missing = topology.Connected(l.desired, nodes)
	actions := topology.Plan(l.desired, nodes)
	l.pending = acting + len(actions)
	byNode := map[int][]topology.Action{}
	for _, action := range actions {
		byNode[action.Node] = append(byNode[action.Node], action)
	}
	var awaited sync.WaitGroup
	for ordinal, actions := range byNode {
		n := &l.nodes[ordinal]
		lingering := topology.Lingering(l.desired, nodes[ordinal], actions)
		done, free := l.memory.act(n.pod)
		if !free {
			continue
		}
		at := r.endpoint(l.network, *n)
		logger := log.FromContext(ctx).WithValues("node", n.podName)
		awaited.Add(1)
		r.nodes.call(func(ctx context.Context) {
			defer awaited.Done()
			defer done()
			errs, err := r.nodes.rpc.Batch(ctx, at, calls(actions))
			// Also without lingering: answers from before the end of the batch do not show what it did.
			l.memory.lingers(r.now().Add(lingering))
			if err != nil {
				logger.Info("a node could not be told whom to connect with; it is tried again", "error", err.Error())
				return
			}
			for i, err := range errs {
				if err != nil && !bitcoind.AlreadySo(err) {
					logger.Info("a connection could not be changed; it is tried again", "call", actions[i].String(), "error", err.Error())
					continue
				}
				logger.V(1).Info("connection changed", "call", actions[i].String())
			}
		})
	}
	waitFor(ctx, &awaited, actPatience)
	return nil
}

// stillLingering is for how long some node may dial what was taken off its list, and how that looks was not asked yet; 0 when
// all answers are from after that.
func (l *look) stillLingering() time.Duration {
	until := l.memory.lingering()
	for i := range l.nodes {
		if a := l.nodes[i].answer; a != nil && !a.at.After(until) {
			return max(until.Sub(l.now), firstWait)
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

func topologySpec(spec v1.BitcoinNetworkSpec, nodes int) topology.Spec {
	asked := topology.Spec{Type: topology.Mesh, Nodes: nodes, Degree: defaultDegree, Seed: 1}
	if t := spec.Topology; t != nil {
		asked.Type = topology.Type(t.Type)
		if t.Degree != nil {
			asked.Degree = int(*t.Degree)
		}
		if t.Seed != nil {
			asked.Seed = *t.Seed
		}
		for _, e := range t.Edges {
			asked.Edges = append(asked.Edges, topology.Edge{A: int(e.From), B: int(e.To)})
		}
	}
	for _, p := range spec.Partitions {
		set := make([]int, len(p.Nodes))
		for i, n := range p.Nodes {
			set[i] = int(n)
		}
		asked.Partitions = append(asked.Partitions, set)
	}
	return asked
}

// observed puts the nodes' answers in the terms of the topology.
func observed(nodes []node) []topology.Node {
	list := make([]topology.Node, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		list[i] = topology.Node{Ordinal: n.ordinal, Address: n.ip(), Answered: n.answer != nil}
		if n.answer == nil {
			continue
		}
		for _, added := range n.answer.added {
			list[i].Added = append(list[i].Added, added.AddedNode)
		}
		for _, peer := range n.answer.peers {
			list[i].Peers = append(list[i].Peers, topology.Peer{
				ID: peer.ID, Address: peer.Addr, Inbound: peer.Inbound, Handshaked: peer.Version > 0,
			})
		}
	}
	return list
}
