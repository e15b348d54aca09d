package topology

import (
	"fmt"
	"slices"
	"testing"
)

// packedNetwork are nodes of which so many share an address.
func packedNetwork(n, perPod int) network {
	nodes := make(network, n)
	for i := range nodes {
		nodes[i] = Node{Ordinal: i, Address: address(i / perPod), Port: 18444 + i%perPod*10, Shared: true, Answered: true}
	}
	return nodes
}

func (n network) at(i int) string { return fmt.Sprintf("%s:%d", n[i].Address, n[i].Port) }

// out is what a node reports that has dialled another one from a port, and in what that one reports.
func (n network) out(from, to, port int) network {
	return n.sees(from, Peer{Address: n.at(to), Bind: fmt.Sprintf("%s:%d", n[from].Address, port), Handshaked: true})
}

func (n network) in(to, from, port int) network {
	return n.sees(to, Peer{Address: fmt.Sprintf("%s:%d", n[from].Address, port), Bind: n.at(to), Inbound: true, Handshaked: true})
}

func (n network) linked(from, to, port int) network { return n.out(from, to, port).in(to, from, port) }

// listed puts the nodes of an edge on the list of each other.
func (n network) listed(edges ...Edge) network {
	for _, e := range edges {
		n.lists(e.A, n.at(e.B)).lists(e.B, n.at(e.A))
	}
	return n
}

func silent(nodes ...int) func(network) {
	return func(n network) {
		for _, i := range nodes {
			n[i].Answered, n[i].Peers, n[i].Added = false, nil, nil
		}
	}
}

func TestPlanOfNodesThatShareAddresses(t *testing.T) { //nolint:funlen // a table
	pair, across := []Edge{{0, 1}}, []Edge{{0, 2}}
	cases := map[string]struct {
		desired []Edge
		nodes   network
		have    int
		want    []string
	}{
		"nodes are dialled and listed with their ports": {pair, packedNetwork(2, 2), 0, []string{
			"node 0: onetry 10.0.0.1:18454", "node 0: add 10.0.0.1:18454", "node 1: add 10.0.0.1:18444",
		}},
		"nodes of one address": {pair, packedNetwork(2, 2).listed(pair...).linked(0, 1, 40000), 1, nil},
		"nodes of two addresses, also where two connections have the same port": {[]Edge{{0, 2}, {0, 3}, {1, 2}}, packedNetwork(4, 2).
			listed(Edge{0, 2}, Edge{0, 3}, Edge{1, 2}).linked(0, 2, 40000).linked(0, 3, 40000).linked(1, 2, 40001), 3, nil},
		"a node with an address of its own and one without": {across, packedNetwork(3, 2).with(func(n network) {
			n[2] = Node{Ordinal: 2, Address: "10.0.9.9", Answered: true}
			n.lists(0, "10.0.9.9").lists(2, n.at(0))
			n.sees(0, Peer{Address: "10.0.9.9", Bind: "10.0.0.1:40000", Handshaked: true}).
				sees(2, Peer{Address: "10.0.0.1:40000", Bind: "10.0.9.9:18444", Inbound: true, Handshaked: true})
		}), 1, nil},
		"another node at the address has dialled": {across, packedNetwork(3, 2).listed(across...).linked(1, 2, 40000), 0, []string{
			"node 0: onetry 10.0.0.2:18444",
			"node 1: disconnect 10.0.0.2:18444 (connection 0)", "node 2: disconnect 10.0.0.1:40000 (connection 0)",
		}},
		"a peer that no node has dialled is no edge, and the node that may have dialled since then dials": {across, packedNetwork(3, 2).
			in(2, 0, 40000), 0, []string{"node 0: onetry 10.0.0.2:18444", "node 0: add 10.0.0.2:18444", "node 2: add 10.0.0.1:18444"}},
		"also when that is the second one":                     {[]Edge{{1, 2}}, packedNetwork(4, 2).listed(Edge{1, 2}).in(1, 2, 40000), 0, []string{"node 2: onetry 10.0.0.1:18454"}},
		"what the other end was not asked about is waited for": {across, packedNetwork(4, 2).in(2, 0, 40000).with(silent(0)), 0, nil},
		"a connection that two nodes claim is nobody's": {across, packedNetwork(3, 2).listed(across...).linked(0, 2, 40000).out(1, 2, 40000), 0, []string{
			"node 1: disconnect 10.0.0.2:18444 (connection 0)", "node 2: onetry 10.0.0.1:18444",
		}},
		"a connection with another port of the node is none of the pair": {pair, packedNetwork(2, 2).listed(pair...).out(0, 1, 40000).
			sees(1, Peer{Address: "10.0.0.1:40000", Bind: "10.0.0.1:9999", Inbound: true, Handshaked: true}), 0, []string{"node 1: onetry 10.0.0.1:18444"}},
		"a connection by a listed name counts, and its entry stays": {across, packedNetwork(3, 2).lists(2, "10.0.0.1:18444").lists(0, "net-sts-1.net-svc:18444").
			with(func(n network) {
				n[0].Resolved = map[string]string{"net-sts-1.net-svc:18444": n.at(2)}
				n[0].Added = append(n[0].Added, n.at(2))
			}).sees(0, Peer{Address: "net-sts-1.net-svc:18444", Bind: "10.0.0.1:40000", Handshaked: true}).in(2, 0, 40000), 1, nil},
		"a connection by another name is closed, since nobody knows its other end": {across, packedNetwork(3, 2).listed(across...).
			sees(0, Peer{Address: "net-sts-1.net-svc:18444", Bind: "10.0.0.1:40000", Handshaked: true}).in(2, 0, 40000), 0, []string{
			"node 0: onetry 10.0.0.2:18444", "node 2: disconnect 10.0.0.1:40000 (connection 0)",
		}},
		"of a removed edge with a node that does not answer the other half is closed": {nil, packedNetwork(3, 2).in(2, 0, 40000).with(silent(0)), 0,
			[]string{"node 2: disconnect 10.0.0.1:40000 (connection 0)"}},
		"unless it may be that of a desired one": {[]Edge{{1, 2}}, packedNetwork(3, 2).listed(Edge{1, 2}).in(2, 0, 40000).with(silent(0, 1)), 0, nil},
		"the address of a former pod, and the port of a node that was removed": {pair, packedNetwork(2, 2).listed(pair...).linked(0, 1, 40000).
			lists(0, "10.7.7.7:18464", "10.0.0.1:18464").sees(0, Peer{Address: "10.7.7.7:18464", Bind: "10.0.0.1:40000", Handshaked: true}), 1, []string{
			"node 0: remove 10.7.7.7:18464", "node 0: remove 10.0.0.1:18464", "node 0: disconnect 10.7.7.7:18464 (connection 1)",
		}},
		"entries of the user stay": {pair, packedNetwork(2, 2).listed(pair...).linked(0, 1, 40000).lists(0, "10.9.9.9:9999", "btcd:18444").
			with(func(n network) {
				n[1].ByHand = map[string]bool{"10.9.9.9:18444": true, "10.9.9.9": true}
				n.lists(1, "10.9.9.9:18444", "10.9.9.9")
			}), 1, nil},
		"an entry of the user without a port is that of the first node": {across, packedNetwork(3, 2).byHand(0, "10.0.0.2").lists(2, "10.0.0.1:18444").
			sees(0, Peer{Address: "10.0.0.2", Bind: "10.0.0.1:40000", Handshaked: true}).in(2, 0, 40000), 1, nil},
		"a restarted node has none of its connections":     {pair, packedNetwork(2, 2).listed(pair...).out(0, 1, 40000), 0, []string{"node 1: onetry 10.0.0.1:18444"}},
		"a busy node's earlier report and the other end's": {across, packedNetwork(3, 2).listed(across...).linked(0, 2, 40000).busy(0), 1, nil},
		"what a busy node has dialled since then is dialled from the other end": {across, packedNetwork(3, 2).listed(across...).in(2, 0, 40000).busy(0), 0,
			[]string{"node 2: onetry 10.0.0.1:18444"}},
		"and then it is known": {across, packedNetwork(3, 2).listed(across...).in(2, 0, 40000).out(2, 0, 40000).busy(0), 1, nil},
		"a busy node's earlier report does not count against another node's": {[]Edge{{1, 2}}, packedNetwork(3, 2).listed(Edge{1, 2}).linked(1, 2, 40000).
			out(0, 2, 40000).busy(0), 1, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkPlan(t, c.desired, c.nodes, c.have, c.want) })
	}
}

func TestForeignPeersOfNodesThatShareAddresses(t *testing.T) {
	inbound := func(address string) Peer {
		return Peer{Address: address, Bind: "10.0.0.1:18444", Inbound: true, Handshaked: true}
	}
	dialled := func(address string) Peer { return Peer{Address: address, Bind: "10.0.0.1:40000", Handshaked: true} }
	nodes := packedNetwork(4, 2)
	for _, peer := range []Peer{
		inbound("10.0.0.1:33333"), // of this pod: a node that has dialled since it was asked, or another program
		inbound("10.0.0.2:33333"),
		dialled("10.0.0.2:18464"), // a node that is no more
		dialled("10.0.0.2:9999"),  // another program in the pod
		inbound("10.9.9.9:33333"),
		dialled("10.9.9.9:18444"),
		inbound("10.8.8.8:33333"), // a pod that is no more
	} {
		nodes.sees(0, peer)
	}
	former := func(host string) bool { return host == "10.8.8.8" || host == "10.0.0.1" || host == "10.0.0.2" }
	var got []string
	for _, f := range ForeignPeers(nodes, former) {
		got = append(got, f.Address)
	}
	if want := []string{"10.0.0.2:9999", "10.9.9.9", "10.9.9.9:18444"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestIdentify(t *testing.T) {
	nodes := packedNetwork(4, 2).linked(0, 2, 40000).out(0, 3, 40000).in(0, 1, 40001).sees(0, Peer{Address: "10.9.9.9:4", Inbound: true}).
		sees(1, Peer{Address: "10.0.0.2"}).with(silent(3))
	slices.Reverse(nodes)
	if got, want := fmt.Sprint(Identify(nodes)), "[[] [0] [2] [2 3 -2 -1]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// checkProof checks that both nodes of an observed edge report it: where a node shares its address, the other one has dialled its port, or
// both ends of the connection are the same.
func checkProof(t *testing.T, nodes []Node, e Edge) {
	t.Helper()
	a, b := nodeOf(nodes, e.A), nodeOf(nodes, e.B)
	if !a.Shared && !b.Shared {
		return
	}
	for _, n := range [][2]*Node{{a, b}, {b, a}} {
		here, there := n[0], n[1]
		at, _ := listener(there)
		own, _ := listener(here)
		if !slices.ContainsFunc(here.Peers, func(p Peer) bool {
			end := parseEndpoint(p.Address)
			switch {
			case !there.Shared:
				return end.addr == at.Addr()
			case !p.Inbound:
				return end.dials() == at
			}
			bound, _ := parseAddrPort(p.Bind)
			return bound == own && slices.ContainsFunc(there.Peers, func(q Peer) bool {
				from, _ := parseAddrPort(q.Bind)
				to := parseEndpoint(q.Address)
				return !q.Inbound && from == end.dials() && (to.dials() == own || !here.Shared && to.addr == own.Addr())
			})
		}) && !here.Busy && !there.Busy {
			t.Fatalf("%v exists, but node %d does not report it: %+v, %+v", e, here.Ordinal, *a, *b)
		}
	}
}

func TestPortsOfNodes(t *testing.T) {
	for port, want := range map[int]bool{
		18444: true, 18454: true, 18444 + 2490: true, 18444 + 2500: false, 18434: false, 18445: false, 0: false, -6: false, 65535: false, 40004: false,
	} {
		if got := isNodePort(uint16(port)); got != want {
			t.Errorf("%d: %t, want %t", port, got, want)
		}
	}
}
