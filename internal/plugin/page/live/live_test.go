package live

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// node is a peer that answers as bitcoind does.
type node struct {
	t       *testing.T
	mu      sync.Mutex
	chain   []wire.BlockHeader
	conns   []net.Conn
	offered []wire.ServiceFlag
}

func (n *node) write(conn net.Conn, message wire.Message) {
	if _, err := wire.WriteMessageWithEncodingN(conn, message, wire.ProtocolVersion, p2p.Net, wire.WitnessEncoding); err != nil {
		n.t.Log(err) // the plugin has closed the connection
	}
}

func (n *node) serve(conn net.Conn) {
	for {
		_, message, _, err := wire.ReadMessageWithEncodingN(conn, wire.ProtocolVersion, p2p.Net, wire.WitnessEncoding)
		if err != nil {
			return
		}
		n.mu.Lock()
		switch message := message.(type) {
		case *wire.MsgVersion:
			n.offered = append(n.offered, message.Services)
			nobody := &wire.NetAddress{IP: net.IPv6zero}
			n.write(conn, wire.NewMsgVersion(nobody, nobody, 1, 0))
			n.write(conn, wire.NewMsgVerAck())
		case *wire.MsgGetHeaders:
			n.write(conn, n.above(*message.BlockLocatorHashes[0]))
		}
		n.mu.Unlock()
	}
}

// above are the headers above a block.
func (n *node) above(hash chainhash.Hash) *wire.MsgHeaders {
	answer, from := wire.NewMsgHeaders(), 0
	for i := range n.chain {
		if n.chain[i].BlockHash() == hash {
			from = i + 1
		}
	}
	for i := range n.chain[from:] {
		if err := answer.AddBlockHeader(&n.chain[from+i]); err != nil {
			n.t.Error(err)
		}
	}
	return answer
}

// mine adds a block, and announces it by its header, or by its hash only.
func (n *node) mine(byHash bool) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	previous := p2p.Genesis()
	if len(n.chain) > 0 {
		previous = n.chain[len(n.chain)-1].BlockHash()
	}
	header := *wire.NewBlockHeader(1, &previous, &chainhash.Hash{}, 0, uint32(len(n.chain))) //nolint:gosec // small
	n.chain = append(n.chain, header)
	hash := header.BlockHash()
	for _, conn := range n.conns {
		if !byHash {
			n.write(conn, n.above(previous))
			continue
		}
		inv := wire.NewMsgInv()
		if err := inv.AddInvVect(wire.NewInvVect(wire.InvTypeBlock, &hash)); err != nil {
			n.t.Error(err)
		}
		n.write(conn, inv)
	}
	return hash.String()
}

// pair is a connection with both of its ends.
func pair(t *testing.T) (here, there net.Conn) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err == nil {
		defer listener.Close() //nolint:errcheck // it was only listening
		here, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	}
	if err == nil {
		there, err = listener.Accept()
	}
	if err != nil {
		t.Error(err)
	}
	return here, there
}

func TestBlocksAreHeardFromTheNodeItself(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n, store := &node{t: t}, state.New()
	network := &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 1}, Status: v1.BitcoinNetworkStatus{Nodes: []v1.NodeStatus{{Ready: true, BestBlockHash: p2p.Genesis().String()}}}}
	network.Name = "net"
	client := &cluster.Client{Namespace: "ns", Forward: func(context.Context, string, string) (net.Conn, error) {
		here, there := pair(t)
		n.mu.Lock()
		n.conns = append(n.conns, there)
		n.mu.Unlock()
		go n.serve(there)
		return here, nil
	}}
	nodes := &Nodes{Cluster: client, Store: store, Chains: NewChains(store), Network: func(string) (*v1.BitcoinNetwork, error) { return network, nil }, Missing: func(string) {}, Interval: time.Hour}
	nodes.Chains.Report(network)
	ended := make(chan struct{})
	go func() { defer close(ended); nodes.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	has := func(want string) {
		t.Helper()
		testtools.Eventually(t, "the tip "+want, 20*time.Second, func() error {
			if delta, _, _ := store.Since(""); !strings.Contains(string(delta.Set["tip/net/0"]), want) {
				return fmt.Errorf("%s", delta.Set["tip/net/0"])
			}
			return nil
		})
	}
	n.mine(false)
	n.mine(false)
	defer nodes.View("net")()
	has(`"height":2,"branch":0,"heard":true`)
	_, cursor, _ := store.Since("")
	first := n.mine(false)
	has(first)
	second := n.mine(true)
	has(second + `","height":4`)
	delta, _, _ := store.Since(cursor)
	if len(delta.Moments) != 2 || !strings.Contains(string(delta.Moments[0]), first+`","height":3`) || !strings.Contains(string(delta.Moments[1]), second) {
		t.Errorf("what travels is %s", delta.Moments)
	}
	n.mu.Lock()
	if !slices.Equal(n.offered, []wire.ServiceFlag{0}) {
		t.Errorf("the plugin offers %v, with which it would carry blocks between the sides of a partition", n.offered)
	}
	for _, conn := range n.conns {
		conn.Close() //nolint:errcheck // the node ends
	}
	n.mu.Unlock()
	testtools.Eventually(t, "the end of the announcements", 20*time.Second, func() error {
		if delta, _, _ := store.Since(""); strings.Contains(string(delta.Set["tip/net/0"]), "heard") {
			return fmt.Errorf("%s", delta.Set["tip/net/0"])
		}
		return nil
	})
}
