package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// maxListened is how many nodes the plugin is a peer of: each is a connection through the API server. The blocks of the other nodes come
	// with the status.
	maxListened = 128
	// listenInterval is the time between two checks of which nodes are ready, in memory.
	listenInterval = 250 * time.Millisecond
	// relistenInterval is the time between two attempts to reach a node.
	relistenInterval = 3 * time.Second
)

type listener struct {
	cancel context.CancelFunc
	done   chan struct{}
	// again is when the next attempt may begin after the last one ended.
	again time.Time
}

type listening struct {
	network string
	pod     string
	ip      string
}

// listen is a peer of the ready nodes of the shown networks.
func (n *Nodes) listen(ctx context.Context) {
	tick := time.NewTicker(listenInterval)
	defer tick.Stop()
	active := map[listening]*listener{}
	lacking := make(chan string, maxListened)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-tick.C:
		case right := <-lacking:
			n.Missing(right)
			return
		case <-ctx.Done():
			return
		}
		wanted := n.wanted()
		for at, l := range active {
			if _, still := wanted[at]; !still {
				l.cancel()
				delete(active, at)
			}
		}
		for at, node := range wanted {
			if l := active[at]; l != nil && !l.ended() {
				continue
			} else if l != nil && l.again.IsZero() {
				l.again = time.Now().Add(relistenInterval)
				continue
			} else if l != nil && time.Now().Before(l.again) {
				continue
			}
			if len(active) >= maxListened && active[at] == nil {
				continue
			}
			own, cancel := context.WithCancel(ctx)
			l := &listener{cancel: cancel, done: make(chan struct{})}
			active[at] = l
			running.Go(func() {
				defer close(l.done)
				defer cancel()
				err := n.follow(own, at.network, node)
				if right, lacks := errors.AsType[*cluster.MissingRight](err); lacks {
					lacking <- right.Error()
				}
			})
		}
	}
}

func (l *listener) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// wanted are the nodes that can be reached.
func (n *Nodes) wanted() map[listening]noderef.Node {
	wanted := map[listening]noderef.Node{}
	for name := range n.shown() {
		network, err := n.Network(name)
		if err != nil {
			continue
		}
		ips := map[int]string{}
		for i := range network.Status.Nodes {
			ips[int(network.Status.Nodes[i].Ordinal)] = network.Status.Nodes[i].IP
		}
		for _, node := range chain.Ready(network) {
			wanted[listening{name, node.Pod, ips[node.Ordinal]}] = node
		}
	}
	return wanted
}

// follow is a peer of a node until the connection ends. It offers nothing, so that it carries no block from one node to another.
func (n *Nodes) follow(ctx context.Context, network string, node noderef.Node) error {
	conn, err := n.Cluster.Dial(ctx, node.Pod, v1.P2PPort)
	if err != nil {
		return err
	}
	peer, err := p2p.Dial(ctx, conn, p2p.Options{NoTransactions: true})
	if err != nil {
		return err
	}
	defer peer.Close()
	// A node announces blocks with their headers to a peer that has the one before: the answer to getheaders makes it know that.
	if err := peer.Send(ctx, wire.NewMsgSendHeaders()); err != nil {
		return err
	}
	if err := n.ask(ctx, peer, network, node.Ordinal); err != nil {
		return err
	}
	defer n.Chains.Hears(network, node.Ordinal, false)
	for initial := true; ; {
		message, err := peer.Receive(ctx)
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *wire.MsgHeaders:
			for i, header := range message.Headers {
				if i == len(message.Headers)-1 {
					n.Chains.Announce(network, node.Ordinal, header.BlockHash().String(), header.PrevBlock.String(), initial)
				} else {
					n.Chains.Learn(network, header.BlockHash().String(), header.PrevBlock.String())
				}
			}
			if len(message.Headers) == wire.MaxBlockHeadersPerMsg {
				if err := n.request(ctx, peer, message.Headers[len(message.Headers)-1].BlockHash()); err != nil {
					return err
				}
				continue
			}
			if initial {
				n.Chains.Hears(network, node.Ordinal, true)
			}
			initial = false
		case *wire.MsgInv:
			for _, item := range message.InvList {
				if item.Type&^wire.InvWitnessFlag == wire.InvTypeBlock {
					if err := n.ask(ctx, peer, network, node.Ordinal); err != nil {
						return err
					}
					break
				}
			}
		}
	}
}

// ask requests the headers above the best block that is known of the node.
func (n *Nodes) ask(ctx context.Context, peer *p2p.Peer, network string, node int) error {
	best, err := chainhash.NewHashFromStr(n.Chains.Best(network, node))
	if err != nil || best.IsEqual(&chainhash.Hash{}) {
		genesis := p2p.Genesis()
		best = &genesis
	}
	return n.request(ctx, peer, *best)
}

func (n *Nodes) request(ctx context.Context, peer *p2p.Peer, above chainhash.Hash) error {
	request := wire.NewMsgGetHeaders()
	request.ProtocolVersion = wire.ProtocolVersion
	if err := request.AddBlockLocatorHash(&above); err != nil {
		return err
	}
	return peer.Send(ctx, request)
}
