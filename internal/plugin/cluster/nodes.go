package cluster

import (
	"context"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

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
