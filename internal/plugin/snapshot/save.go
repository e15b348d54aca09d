// Package snapshot saves chain and wallets of a network, and starts another one from them: blocks over P2P, wallets by bitcoin-cli in the
// pods.
package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Save reads the chain of a node, and the wallets of all nodes.
func Save(ctx context.Context, c *cluster.Client, network *v1.BitcoinNetwork, from noderef.Node) ([]byte, archive.Manifest, error) {
	m := archive.Manifest{
		Created: time.Now().UTC().Truncate(time.Second), Network: archive.Network{Name: network.Name, Nodes: len(noderef.Nodes(network))},
	}
	peer, err := dial(ctx, c, from.Pod)
	if err != nil {
		return nil, m, err
	}
	defer peer.Close()
	m.Network.Version = peer.Node().UserAgent
	var builder archive.Builder
	hashes, err := readChain(ctx, peer, &builder)
	if err != nil {
		return nil, m, fmt.Errorf("the blocks of %s cannot be read: %w", from.Pod, err)
	}
	wallets, notes, err := readWallets(ctx, c, noderef.Nodes(network), hashes)
	if err != nil {
		return nil, m, err
	}
	m.NotKept = notes
	data, m, err := builder.Pack(m, wallets)
	if err != nil {
		return nil, m, err
	}
	// Before anything that exists is replaced by it.
	if _, err := archive.Read(data); err != nil {
		return nil, m, fmt.Errorf("the snapshot could not be read again, and is not saved: %w", err)
	}
	return data, m, nil
}

// dial connects with the P2P port of a node, as a peer that neither relays nor hears transactions.
func dial(ctx context.Context, c *cluster.Client, pod string) (*p2p.Peer, error) {
	conn, err := c.Dial(ctx, pod, v1.P2PPort)
	if err != nil {
		return nil, err
	}
	peer, err := p2p.Dial(ctx, conn, p2p.Options{NoTransactions: true})
	if err != nil && ctx.Err() == nil {
		err = &cluster.NodeError{Pod: pod, Err: err}
	}
	return peer, err
}

// readChain returns the hashes of all blocks, the genesis block included.
func readChain(ctx context.Context, peer *p2p.Peer, builder *archive.Builder) ([]chainhash.Hash, error) {
	headers, err := peer.Chain(ctx, archive.MaxBlocks)
	if err != nil {
		return nil, err
	}
	hashes := []chainhash.Hash{p2p.Genesis()}
	for _, header := range headers {
		hashes = append(hashes, header.BlockHash())
	}
	return hashes, peer.Blocks(ctx, hashes[1:], builder.Add)
}

// readWallets returns the wallets of all nodes that answer, and what is not kept of the nodes.
func readWallets(ctx context.Context, c *cluster.Client, nodes []noderef.Node, chain []chainhash.Hash) ([]archive.Wallet, []string, error) {
	known := map[string]bool{}
	for _, hash := range chain {
		known[hash.String()] = true
	}
	var mu sync.Mutex
	var wallets []archive.Wallet
	notes := map[int][]string{}
	failed := cluster.Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		r := &walletReader{c: c, node: node}
		err := r.read(ctx)
		if err == nil {
			err = r.compare(ctx, known)
		}
		mu.Lock()
		defer mu.Unlock()
		wallets, notes[node.Ordinal] = append(wallets, r.wallets...), r.notes
		return err
	})
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	var all []string
	for _, node := range nodes {
		if err := failed[node.Ordinal]; err != nil {
			return nil, nil, fmt.Errorf("the wallets of node %d cannot be read: %w", node.Ordinal, err)
		}
		all = append(all, notes[node.Ordinal]...)
	}
	slices.SortFunc(wallets, func(a, b archive.Wallet) int {
		if a.Node != b.Node {
			return a.Node - b.Node
		}
		return strings.Compare(a.Name, b.Name)
	})
	return wallets, all, nil
}
