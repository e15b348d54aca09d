package topology

import (
	"fmt"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// network is what nodes report, written down by hand. The address of node i is
// 10.0.0.(i+1).
type network []Node

func newNetwork(n int) network {
	nodes := make(network, n)
	for i := range nodes {
		nodes[i] = Node{Ordinal: i, Address: address(i), Answered: true}
	}
	return nodes
}

func address(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

func (n network) lists(node int, entries ...string) network {
	n[node].Added = append(n[node].Added, entries...)
	return n
}

// listsAll puts everybody on everybody's list.
func (n network) listsAll() network {
	for i := range n {
		for j := range n {
			if i != j {
				n.lists(i, address(j))
			}
		}
	}
	return n
}

func (n network) sees(node int, peer Peer) network {
	peer.ID = int64(len(n[node].Peers))
	n[node].Peers = append(n[node].Peers, peer)
	return n
}

// sends is what the node that dialled sees, and gets what the other one sees.
func (n network) sends(from, to int) network {
	return n.sees(from, Peer{Address: address(to), Handshaked: true})
}

func (n network) gets(to, from int) network {
	return n.sees(to, Peer{Address: address(from) + ":41234", Inbound: true, Handshaked: true})
}

func (n network) joined(from, to int) network { return n.sends(from, to).gets(to, from) }

// busy makes a node busy: what it reports is old.
func (n network) busy(nodes ...int) network {
	for _, i := range nodes {
		n[i].Busy = true
	}
	return n
}

// byHand puts entries that a person added on the list of a node.
func (n network) byHand(node int, entries ...string) network {
	n[node].ByHand = map[string]bool{}
	for _, entry := range entries {
		n[node].ByHand[entry] = true
	}
	return n.lists(node, entries...)
}

func (n network) with(change func(network)) network {
	change(n)
	return n
}

func TestPlan(t *testing.T) { //nolint:funlen // a table
	pair := []Edge{{0, 1}}
	cases := map[string]struct {
		desired []Edge
		nodes   network
		want    []string
	}{
		"nothing is done for nothing": {nil, nil, nil},
		"of two new nodes one dials, then both list each other": {pair, newNetwork(2), []string{
			"node 0: onetry 10.0.0.2", "node 0: add 10.0.0.2", "node 1: add 10.0.0.1",
		}},
		"nothing is done when all is as it should be":  {pair, newNetwork(2).listsAll().joined(1, 0), nil},
		"two connections of a pair are as good as one": {pair, newNetwork(2).listsAll().joined(1, 0).joined(0, 1), nil},
		"of three new nodes none dials twice": {Desired(Spec{Nodes: 3}), newNetwork(3).listsAll(), []string{
			"node 0: onetry 10.0.0.2", "node 1: onetry 10.0.0.3", "node 2: onetry 10.0.0.1",
		}},
		"a connection counts whatever the form of the address": {pair, newNetwork(2).listsAll().
			sees(0, Peer{Address: "[::ffff:10.0.0.2]:18444", Handshaked: true}).
			sees(1, Peer{Address: "10.0.0.1:50000", Inbound: true, Handshaked: true}), nil},
		"what only the dialling node sees is dialled from the other": {pair, newNetwork(2).listsAll().sends(0, 1), []string{"node 1: onetry 10.0.0.1"}},
		"what only the dialled node sees is dialled from the other":  {pair, newNetwork(2).listsAll().gets(1, 0), []string{"node 0: onetry 10.0.0.2"}},
		"a node that dialled by name is dialled back": {pair, newNetwork(2).listsAll().gets(1, 0).
			sees(0, Peer{Address: "net-sts-1.net-svc", Handshaked: true}), []string{"node 1: onetry 10.0.0.1"}},
		"a handshake under way is waited for": {pair, newNetwork(2).listsAll().
			sees(0, Peer{Address: address(1)}).sees(1, Peer{Address: address(0) + ":5", Inbound: true}), nil},
		"a handshake that one side has done is waited for": {pair, newNetwork(2).listsAll().
			sends(0, 1).sees(1, Peer{Address: address(0) + ":5", Inbound: true}), nil},
		"a node without address is neither called nor dialled": {pair, newNetwork(2).lists(0, address(1)).
			with(func(n network) { n[1].Address = "" }), []string{"node 0: remove 10.0.0.2"}},
		"what is no address counts as none": {pair, newNetwork(2).with(func(n network) { n[1].Address = "net-sts-1" }), nil},
		"a node that did not answer stays listed and connected, and is not dialled": {pair, newNetwork(2).listsAll().
			with(func(n network) { n[1].Answered = false }), nil},
		"a node that did not answer is not listed again": {pair, newNetwork(2).with(func(n network) { n[1].Answered = false }), nil},
		"a node that is not known is left out":           {[]Edge{{0, 1}, {0, 2}, {-5, 0}}, newNetwork(2).listsAll().joined(0, 1), nil},
		"a removed edge goes from both lists first, or bitcoind would dial it again": {nil, newNetwork(2).listsAll().joined(0, 1), []string{
			"node 0: remove 10.0.0.2", "node 1: remove 10.0.0.1",
		}},
		"a removed edge that is still on one list lives on until it is not": {nil, newNetwork(2).lists(1, address(0)).joined(0, 1), []string{
			"node 1: remove 10.0.0.1",
		}},
		"a removed edge that is on no list any more is disconnected on both sides": {nil, newNetwork(2).joined(0, 1), []string{
			"node 0: disconnect 10.0.0.2 (connection 0)", "node 1: disconnect 10.0.0.1:41234 (connection 0)",
		}},
		"a removed edge that only one side sees is disconnected there": {nil, newNetwork(2).gets(1, 0), []string{
			"node 1: disconnect 10.0.0.1:41234 (connection 0)",
		}},
		"a connection that is not wanted is ended even before the handshake": {nil, newNetwork(2).sees(0, Peer{Address: address(1)}), []string{
			"node 0: disconnect 10.0.0.2 (connection 0)",
		}},
		"a node that is gone is disconnected though it does not answer": {nil, newNetwork(2).sends(0, 1).
			with(func(n network) { n[1].Answered = false }), []string{"node 0: disconnect 10.0.0.2 (connection 0)"}},
		"peers and entries of the user stay": {nil, newNetwork(1).
			lists(0, "btcd.example:18444", "btcd", "10.9.9.9:18444", "[fd00::9]:18444", "[fd00::9]").
			sees(0, Peer{Address: "10.9.9.9:18444", Handshaked: true}).
			sees(0, Peer{Address: "127.0.0.1:3421", Inbound: true, Handshaked: true}).
			sees(0, Peer{Address: "btcd", Handshaked: true}), nil},
		"the old address of a node leaves the list before the new one enters": {pair, newNetwork(2).lists(0, "10.7.7.7").lists(1, address(0)), []string{
			"node 0: remove 10.7.7.7", "node 0: onetry 10.0.0.2", "node 0: add 10.0.0.2",
		}},
		"what the old address of a node leads to by now is no node of the network": {nil, newNetwork(1).lists(0, "10.7.7.7").
			sees(0, Peer{ID: 5, Address: "10.7.7.7:18444", Handshaked: true}).
			sees(0, Peer{ID: 6, Address: "10.7.7.7:40000", Inbound: true, Handshaked: true}).
			sees(0, Peer{ID: 7, Address: "10.7.7.8:18444", Handshaked: true}), []string{
			"node 0: remove 10.7.7.7", "node 0: disconnect 10.7.7.7:18444 (connection 0)",
		}},
		"and its connection is reported as it was dialled": {nil, newNetwork(1).lists(0, "10.7.7.7").
			sees(0, Peer{Address: "10.7.7.7", Handshaked: true}), []string{"node 0: remove 10.7.7.7", "node 0: disconnect 10.7.7.7 (connection 0)"}},
		"a node does not list itself":                    {nil, newNetwork(1).lists(0, address(0)), []string{"node 0: remove 10.0.0.1"}},
		"a connection of a node with itself is let be":   {nil, newNetwork(1).joined(0, 0), nil},
		"an entry with the usual port serves as ours":    {pair, newNetwork(2).lists(0, "10.0.0.2:18444").lists(1, address(0)).joined(0, 1), nil},
		"an entry with another port does not":            {pair, newNetwork(2).lists(0, "10.0.0.2:8333").lists(1, address(0)).joined(0, 1), []string{"node 0: add 10.0.0.2"}},
		"one of two entries for the same node is enough": {pair, newNetwork(2).lists(0, "::ffff:10.0.0.2").listsAll().joined(0, 1), []string{"node 0: remove 10.0.0.2"}},
		"entries are removed as they were written": {nil, newNetwork(1).lists(0, "::FFFF:10.0.0.2", "FD00::0:1"), []string{
			"node 0: remove ::FFFF:10.0.0.2", "node 0: remove FD00::0:1",
		}},
		"IPv6 nodes are written without brackets": {pair, newNetwork(2).with(func(n network) { n[0].Address, n[1].Address = "fd00::A", "fd00::b" }), []string{
			"node 0: onetry fd00::b", "node 0: add fd00::b", "node 1: add fd00::a",
		}},
		"an IPv6 address that ends like a port is an address": {pair, newNetwork(2).with(func(n network) {
			n[0].Address, n[1].Address = "fd00::1", "fd00::2"
			n.lists(0, "fd00::2").lists(1, "fd00::1")
			n.sees(0, Peer{Address: "fd00::2:8444", Handshaked: true})
			n.sees(1, Peer{Address: "[fd00::1]:4000", Handshaked: true, Inbound: true})
		}), []string{"node 0: onetry fd00::2"}},
		"an address belongs to the node that answered": {[]Edge{{0, 1}}, newNetwork(3).lists(0, address(2)).joined(0, 2).
			with(func(n network) { n[1] = Node{Ordinal: 1, Address: address(2)} }), []string{
			"node 0: remove 10.0.0.3",
		}},
		"an address that two nodes answer under is not touched": {[]Edge{{0, 1}}, newNetwork(3).lists(0, address(2)).joined(0, 2).
			with(func(n network) { n[1].Address = address(2) }), nil},
		"an address that two silent nodes have is not touched": {[]Edge{{0, 1}}, newNetwork(3).lists(0, address(2)).sends(0, 2).
			with(func(n network) { n[1] = Node{Ordinal: 1, Address: address(2)}; n[2].Answered = false }), nil},
		"of two reports of a node the first counts": {pair, append(newNetwork(2).listsAll().joined(0, 1), Node{Ordinal: 1, Address: "10.5.5.5", Answered: true}), nil},
		"a node that is seen under another address dials the other one as well": {pair, newNetwork(2).listsAll().sends(0, 1).
			sees(1, Peer{Address: "10.200.0.1:999", Inbound: true, Handshaked: true}), []string{"node 1: onetry 10.0.0.1"}},
		"the side that lists the other dials": {Desired(Spec{Type: v1.TopologyStar, Nodes: 11}), newNetwork(11).with(func(n network) {
			for leaf := 1; leaf <= 8; leaf++ {
				n.lists(0, address(leaf)).lists(leaf, address(0)).joined(leaf, 0)
			}
		}), []string{"node 9: onetry 10.0.0.1", "node 9: add 10.0.0.1", "node 10: onetry 10.0.0.1", "node 10: add 10.0.0.1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			actions := Plan(c.desired, c.nodes)
			if got := texts(actions); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			checkActions(t, c.nodes, actions)
			shuffled := slices.Clone(c.nodes)
			slices.Reverse(shuffled)
			if name != "of two reports of a node the first counts" && !slices.Equal(Plan(c.desired, shuffled), actions) {
				t.Errorf("the order in which the nodes are given matters")
			}
		})
	}
}

func texts(actions []Action) []string {
	var texts []string
	for _, action := range actions {
		texts = append(texts, action.String())
	}
	return texts
}

func TestActionsNameTheNodeAtTheOtherEnd(t *testing.T) {
	nodes := newNetwork(3).lists(0, "10.7.7.7").joined(0, 2)
	want := []Action{
		{Node: 0, Kind: Remove, Target: "10.7.7.7", Peer: -1},
		{Node: 0, Kind: Disconnect, Target: "10.0.0.3", PeerID: 0, Peer: 2},
		{Node: 0, Kind: OneTry, Target: "10.0.0.2", Peer: 1},
		{Node: 0, Kind: Add, Target: "10.0.0.2", Peer: 1},
		{Node: 1, Kind: Add, Target: "10.0.0.1", Peer: 0},
		{Node: 2, Kind: Disconnect, Target: "10.0.0.1:41234", PeerID: 0, Peer: 0},
	}
	if got := Plan([]Edge{{0, 1}}, nodes); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConnected(t *testing.T) {
	all := Desired(Spec{Nodes: 4})
	nodes := newNetwork(4).joined(0, 1).joined(2, 1).joined(1, 2).sends(0, 2).gets(3, 0).
		sees(2, Peer{Address: address(3)}).gets(3, 2).sees(1, Peer{Address: "btcd", Handshaked: true})
	if got, want := Observe(nodes), []Edge{{0, 1}, {1, 2}}; !slices.Equal(got, want) {
		t.Errorf("observed %v, want %v", got, want)
	}
	have, missing := Connected(all, nodes)
	if want := []Edge{{0, 2}, {0, 3}, {1, 3}, {2, 3}}; have != 2 || !slices.Equal(missing, want) {
		t.Errorf("have %d and miss %v, want 2 and %v", have, missing, want)
	}
	have, missing = Connected([]Edge{{0, 9}, {1, 2}}, nodes)
	if want := []Edge{{0, 9}}; have != 1 || !slices.Equal(missing, want) {
		t.Errorf("have %d and miss %v, want 1 and %v", have, missing, want)
	}
	nodes[1].Answered = false
	if got := Observe(nodes); got != nil {
		t.Errorf("observed %v though one of the two did not answer", got)
	}
}

func TestParseEndpoint(t *testing.T) {
	cases := map[string]struct {
		addr, port string
		bare       bool
	}{
		"10.0.0.1":                {"10.0.0.1", "", true},
		"10.0.0.1:18444":          {"10.0.0.1", "18444", false},
		"::ffff:10.0.0.1":         {"10.0.0.1", "", true},
		"[::ffff:10.0.0.1]:18444": {"10.0.0.1", "18444", false},
		"fd00::1":                 {"fd00::1", "", true},
		"FD00:0::1":               {"fd00::1", "", true},
		"[fd00::1]":               {"fd00::1", "", false},
		"[fd00::1]:18444":         {"fd00::1", "18444", false},
		"[fd00::1]x:18444":        {},
		"[fd00::1]18444":          {},
		"[fd00::1":                {},
		"fe80::1%eth0":            {},
		"btcd":                    {},
		"btcd:18444":              {},
		"10.0.0.256":              {},
		"010.0.0.1":               {},
		"cafe.example":            {},
		"":                        {},
		":":                       {},
		"[":                       {},
		"[]":                      {},
		":18444":                  {},
		"abc.onion:8333":          {},
	}
	for text, c := range cases {
		t.Run(text, func(t *testing.T) {
			got := parseEndpoint(text)
			addr := ""
			if got.addr.IsValid() {
				addr = got.addr.String()
			}
			if addr != c.addr || got.port != c.port || got.bare != c.bare {
				t.Errorf("got %+v, want %+v", got, c)
			}
		})
	}
}
