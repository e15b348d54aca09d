//go:build faults

package faults

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

type peer struct {
	Addr     string `json:"addr"`
	AddrBind string `json:"addrbind"`
	Inbound  bool   `json:"inbound"`
	Version  int    `json:"version"`
}

// seen is what a node reports.
type seen struct {
	ordinal        int
	best, listener string
	height         int64
	peers          []peer
	err            error
}

func askOne(ctx context.Context, n node) (s seen) {
	var chain struct {
		Blocks        int64
		BestBlockHash string
	}
	s.ordinal, s.listener = n.ordinal(), n.listener()
	s.err = n.call(ctx, "getblockchaininfo", &chain)
	if s.err == nil {
		s.err = n.call(ctx, "getpeerinfo", &s.peers)
	}
	s.height, s.best = chain.Blocks, chain.BestBlockHash
	return s
}

// withPort is an address as bitcoind reports it: a node that was dialled without a port is reported without one.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(address, fmt.Sprint(v1.P2PPort))
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(withPort(address))
	return host
}

// reported are the pairs of nodes that are connected, with the number of their ends that report it. A node that was dialled is known by
// its port. One that has dialled is known by its address or, where several nodes have that, by reporting the same connection.
func reported(list []seen) map[topology.Edge]int {
	type ends struct{ from, to string }
	listeners, dialled, at := map[string]int{}, map[ends]int{}, map[string][]int{}
	for _, s := range list {
		listeners[s.listener] = s.ordinal
		at[hostOf(s.listener)] = append(at[hostOf(s.listener)], s.ordinal)
		for _, p := range s.peers {
			if !p.Inbound {
				dialled[ends{p.AddrBind, withPort(p.Addr)}] = s.ordinal
			}
		}
	}
	has := map[topology.Edge]int{}
	for _, s := range list {
		others := map[int]bool{}
		for _, p := range s.peers {
			other, known := listeners[withPort(p.Addr)]
			switch here := at[hostOf(p.Addr)]; {
			case len(here) == 1:
				other, known = here[0], true
			case p.Inbound:
				other, known = dialled[ends{p.Addr, p.AddrBind}]
			}
			if known && p.Version != 0 {
				others[other] = true
			}
		}
		for other := range others {
			has[topology.Edge{A: min(s.ordinal, other), B: max(s.ordinal, other)}]++
		}
	}
	return has
}

// compare compares the edges that both ends report with those of the specification, and the tips of nodes that these connect.
func compare(spec v1.BitcoinNetworkSpec, list []seen) error {
	desired, has := desiredEdges(spec), reported(list)
	var edges []topology.Edge
	for e, ends := range has {
		if ends == 2 {
			edges = append(edges, e)
		}
	}
	slices.SortFunc(edges, func(x, y topology.Edge) int { return (x.A-y.A)*1000 + x.B - y.B })
	if !slices.Equal(edges, desired) || len(has) != len(desired) {
		return fmt.Errorf("connections %v (with those that one end reports: %v), want %v", edges, has, desired)
	}
	best := map[int]string{}
	for _, s := range list {
		best[s.ordinal] = s.best
	}
	for _, e := range desired {
		if best[e.A] != best[e.B] {
			return fmt.Errorf("nodes %d and %d are connected and have the tips %.10s and %.10s", e.A, e.B, best[e.A], best[e.B])
		}
	}
	return nil
}
