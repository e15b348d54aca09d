package cluster

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// parallel is how many nodes are called at the same time: each call starts a process on a machine of the cluster.
const parallel = 8

// Each calls a function for every node, for several at the same time, and returns the first error of each node.
func Each(ctx context.Context, nodes []noderef.Node, call func(context.Context, noderef.Node) error) map[int]error {
	failed := map[int]error{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, node := range nodes {
		group.Go(func() error {
			if err := call(ctx, node); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[node.Ordinal] = err
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return nil
	return failed
}

// peer is a part of one entry of getpeerinfo.
type peer struct {
	ID      int64  `json:"id"`
	Addr    string `json:"addr"`
	Bind    string `json:"addrbind"`
	Inbound bool   `json:"inbound"`
	Version int    `json:"version"`
	Subver  string `json:"subver"`
}

// Peers returns the live connections of the nodes, as bitcoind reports them, and why some nodes reported none.
func (c *Client) Peers(ctx context.Context, nodes []noderef.Node) (map[int][]topology.Peer, map[int]error) {
	answers := map[int][]topology.Peer{}
	var mu sync.Mutex
	failed := Each(ctx, nodes, func(ctx context.Context, node noderef.Node) error {
		peers, err := Ask[[]peer](ctx, c, node.Pod, "getpeerinfo")
		if err != nil {
			return err
		}
		list := make([]topology.Peer, len(peers))
		for i, p := range peers {
			list[i] = topology.Peer{ID: p.ID, Address: p.Addr, Bind: p.Bind, Inbound: p.Inbound, Handshaked: p.Version > 0, Agent: p.Subver}
		}
		mu.Lock()
		defer mu.Unlock()
		answers[node.Ordinal] = list
		return nil
	})
	return answers, failed
}
