package topology

import (
	"slices"
	"strings"
)

// Foreign is a peer that is no node of the network: one program, as far as its address and its user agent show.
type Foreign struct {
	// Address is an IP address, or the name that was dialled, with its port if a node dialled it.
	Address string
	Agent   string
	// Nodes are the ordinals of the nodes that report it, sorted.
	Nodes []int
	// ServesBlocks is whether it offers blocks to its peers, so that the chain of one node reaches the other ones.
	ServesBlocks bool
}

// ForeignPeers returns the handshaked peers that are no nodes, sorted by address and agent. Addresses for which own returns true
// belonged to nodes that have ended: the other end may not know it yet.
func ForeignPeers(nodes []Node, own func(host string) bool) []Foreign {
	v := newView(nodes, nil)
	var found []Foreign
	index := map[[2]string]int{}
	for i, node := range v.nodes {
		for p := range v.peersOf(i) {
			peer := &node.Peers[p]
			address, foreign := v.foreignAddress(i, p)
			if !foreign || !peer.Handshaked || own(hostOf(address)) && !v.isForeignPort(address) {
				continue
			}
			key := [2]string{address, peer.Agent}
			at, known := index[key]
			if !known {
				at, index[key] = len(found), len(found)
				found = append(found, Foreign{Address: address, Agent: peer.Agent})
			}
			f := &found[at]
			f.ServesBlocks = f.ServesBlocks || peer.ServesBlocks
			if len(f.Nodes) == 0 || f.Nodes[len(f.Nodes)-1] != node.Ordinal {
				f.Nodes = append(f.Nodes, node.Ordinal)
			}
		}
	}
	slices.SortFunc(found, func(a, b Foreign) int {
		if order := strings.Compare(a.Address, b.Address); order != 0 {
			return order
		}
		return strings.Compare(a.Agent, b.Agent)
	})
	return found
}

// foreignAddress is the address of a peer, and whether it is none of a node. The port of an inbound connection is another one for
// each connection.
func (v *view) foreignAddress(i, p int) (address string, foreign bool) {
	peer := &v.nodes[i].Peers[p]
	if v.peer(i, p).kind != foreignPeer {
		return "", false
	}
	if resolved := v.nodes[i].Resolved[peer.Address]; resolved != "" && !parseEndpoint(peer.Address).addr.IsValid() {
		if j, _ := v.ownerOf(resolved); j >= 0 {
			return "", false
		}
	}
	if peer.Inbound {
		return hostOf(peer.Address), true
	}
	return peer.Address, true
}

// isForeignPort reports whether an address is one that nodes share, with a port that none of them can have.
func (v *view) isForeignPort(address string) bool {
	end := parseEndpoint(address)
	return v.shared(end.addr) && end.port != "" && !isNodePort(end.dials().Port())
}

func hostOf(address string) string {
	host, _, ok := splitHost(address)
	if !ok {
		return address
	}
	return host
}

// Bridges returns the foreign peers that connect nodes of different partitions, so that blocks cross. A peer that serves no
// blocks, such as a wallet, does not. A loopback address is that of a port-forward, which many programs may share.
func Bridges(spec Spec, foreign []Foreign) []Foreign {
	if len(spec.Partitions) == 0 {
		return nil
	}
	set := partitionOf(spec)
	// A program that some nodes dialled and that dialled other ones has a port at the first only.
	type program struct{ host, agent string }
	sets := map[program]map[int]bool{}
	of := func(f Foreign) program { return program{hostOf(f.Address), f.Agent} }
	for _, f := range foreign {
		addr, isIP := parseIP(hostOf(f.Address))
		if !f.ServesBlocks || isIP && addr.IsLoopback() {
			continue
		}
		if sets[of(f)] == nil {
			sets[of(f)] = map[int]bool{}
		}
		for _, node := range f.Nodes {
			if node < len(set) {
				sets[of(f)][set[node]] = true
			}
		}
	}
	var bridges []Foreign
	for _, f := range foreign {
		if len(sets[of(f)]) > 1 {
			bridges = append(bridges, f)
		}
	}
	return bridges
}
