//go:build e2e

package network

import (
	"fmt"
	"net"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// withPort is an address as bitcoind reports or lists it, with the port that it stands for.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(address, fmt.Sprint(v1.P2PPort))
}

// connections returns with whom nodes of a network are connected, by what those that are asked report: nodes by their names, other peers
// by their addresses. The port of a peer that has dialled is one of the kernel's, so that of several nodes at one address the peer is
// the one that reports the same connection from its end. Without such a report the connection has just ended.
func (env *testEnv) connections(name string, nodes int, asked ...int) (map[int][]string, error) {
	addresses, err := env.tryAddresses(name, nodes)
	if err != nil {
		return nil, err
	}
	// The node that listens at an address and port, and the nodes of an address.
	at, of := map[string]int{}, map[string][]int{}
	for i, address := range addresses {
		at[withPort(address)] = i
		of[hostOf(address)] = append(of[hostOf(address)], i)
	}
	peers, err := tryOfEach(env, name, asked, env.peersOf)
	if err != nil {
		return nil, err
	}
	type ends struct{ from, to string }
	dialled := map[ends]int{}
	for k, i := range asked {
		for _, p := range peers[k] {
			if !p.Inbound {
				dialled[ends{p.AddrBind, withPort(p.Addr)}] = i
			}
		}
	}
	connected := map[int][]string{}
	for k, i := range asked {
		list := []string{}
		for _, p := range peers[k] {
			here := of[hostOf(p.Addr)]
			other, known := at[withPort(p.Addr)]
			switch {
			case len(here) == 1:
				other, known = here[0], true
			case p.Inbound:
				other, known = dialled[ends{p.Addr, p.AddrBind}]
			}
			switch {
			case p.Version == 0:
			case known:
				list = append(list, env.node(name, other))
			case len(here) == 0:
				list = append(list, hostOf(p.Addr))
			}
		}
		slices.Sort(list)
		connected[i] = slices.Compact(list)
	}
	return connected, nil
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(withPort(address))
	if err != nil {
		return address
	}
	return host
}

// exactly checks that the nodes have the connections that neighbours returns, and no others. It checks once: they must exist when
// Ready turns true.
func (env *testEnv) exactly(name string, nodes int, neighbours func(i int) []int) {
	env.Helper()
	connected, err := env.connections(name, nodes, firstOf(nodes)...)
	if err != nil {
		env.Fatal(err)
	}
	for i := range nodes {
		want := []string{}
		for _, n := range neighbours(i) {
			want = append(want, env.node(name, n))
		}
		slices.Sort(want)
		if got := connected[i]; !slices.Equal(got, want) {
			env.Errorf("node %s is connected with %v, and should be with %v", env.node(name, i), got, want)
		}
	}
}

// mostListed is the number of entries that bitcoind makes connections of, and that a node is given at most.
const mostListed = 8

// listsOnly checks that everybody's list has as many of the others as it can hold, and no entry for a node that is no more.
func (env *testEnv) listsOnly(name string, nodes int) {
	env.Helper()
	addresses := env.addresses(name, nodes)
	for i, list := range ofEach(env, name, nodes, env.listOf) {
		if want := max(min(nodes-1, mostListed), 0); len(list) != want || len(slices.Compact(slices.Clone(list))) != want {
			env.Errorf("node %d lists %v, and should list %d others", i, list, want)
		}
		for _, entry := range list {
			if at := slices.Index(addresses, entry); at < 0 || at == i {
				env.Errorf("node %d lists %s, which is no other node of %v", i, entry, addresses)
			}
		}
	}
}

func others(nodes int) func(int) []int {
	return func(i int) []int {
		var list []int
		for n := range nodes {
			if n != i {
				list = append(list, n)
			}
		}
		return list
	}
}

// neighbours turns edges into who is next to whom.
func neighbours(edges []topology.Edge) func(int) []int {
	return func(i int) []int {
		var list []int
		for _, e := range edges {
			switch i {
			case e.A:
				list = append(list, e.B)
			case e.B:
				list = append(list, e.A)
			}
		}
		return list
	}
}

// line joins each of the nodes to the next.
func line(nodes int) func(int) []int {
	return neighbours(topology.Desired(topology.Spec{Type: v1.TopologyLine, Nodes: nodes}))
}
