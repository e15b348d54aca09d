package topology

import (
	"fmt"
	"slices"
	"testing"
)

func nobody(string) bool { return false }

func (n network) visited(node int, address, agent string, serves bool) network {
	return n.sees(node, Peer{Address: address, Inbound: true, Handshaked: true, Agent: agent, ServesBlocks: serves})
}

func TestForeignPeersAreThoseThatAreNoNodes(t *testing.T) {
	nodes := newNetwork(3).joined(0, 1).
		visited(0, "10.9.9.9:40000", "/btcwire/", true).visited(0, "10.9.9.9:40001", "/btcwire/", true).visited(2, "10.9.9.9:40002", "/btcwire/", true).
		visited(1, "10.9.9.9:40003", "/lnd/", false).
		visited(1, "10.7.7.7:5", "/Satoshi/", true). // the old address of a node
		sees(1, Peer{Address: "10.8.8.8:18444"}).    // no version message
		sees(2, Peer{Address: "btcd.example:18444", Handshaked: true, Agent: "/btcwire/"}).
		sees(2, Peer{Address: "net-sts-0.net-svc", Handshaked: true, Agent: "/Satoshi/"})
	nodes[2].Resolved = map[string]string{"net-sts-0.net-svc": "10.0.0.1:18444", "btcd.example:18444": "10.9.9.10:18444"}
	got := ForeignPeers(nodes, func(host string) bool { return host == "10.7.7.7" })
	want := []Foreign{
		{"10.9.9.9", "/btcwire/", []int{0, 2}, true},
		{"10.9.9.9", "/lnd/", []int{1}, false},
		{"btcd.example:18444", "/btcwire/", []int{2}, false},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAPeerOfBothSidesBridgesAPartition(t *testing.T) {
	split := Spec{Nodes: 4, Partitions: [][]int{{0, 1}}}
	for name, c := range map[string]struct {
		spec  Spec
		nodes network
		want  []string
	}{
		"of both sides":                {split, newNetwork(4).visited(1, "10.9.9.9:1", "/btcd/", true).visited(2, "10.9.9.9:2", "/btcd/", true), []string{"10.9.9.9"}},
		"dialled on one side":          {split, newNetwork(4).sees(1, Peer{Address: "10.9.9.9:18444", Handshaked: true, Agent: "/btcd/", ServesBlocks: true}).visited(2, "10.9.9.9:2", "/btcd/", true), []string{"10.9.9.9", "10.9.9.9:18444"}},
		"of one side":                  {split, newNetwork(4).visited(0, "10.9.9.9:1", "/btcd/", true).visited(1, "10.9.9.9:2", "/btcd/", true), nil},
		"without a partition":          {Spec{Nodes: 4}, newNetwork(4).visited(1, "10.9.9.9:1", "/btcd/", true).visited(2, "10.9.9.9:2", "/btcd/", true), nil},
		"two programs on one machine":  {split, newNetwork(4).visited(1, "10.9.9.9:1", "/btcd/", true).visited(2, "10.9.9.9:2", "/Satoshi/", true), nil},
		"a wallet that serves nothing": {split, newNetwork(4).visited(1, "10.9.9.9:1", "/lnd/", false).visited(2, "10.9.9.9:2", "/lnd/", false), nil},
		"through a port-forward":       {split, newNetwork(4).visited(1, "127.0.0.1:1", "/btcd/", true).visited(2, "127.0.0.1:2", "/btcd/", true), nil},
	} {
		var got []string
		for _, f := range Bridges(c.spec, ForeignPeers(c.nodes, nobody)) {
			got = append(got, f.Address)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
