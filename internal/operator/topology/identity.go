package topology

import (
	"net/netip"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Which node is at the other end of a connection? A node with an address of its own is known by that. A node that shares its address is
// known by its port where it was dialled. The port of one that has dialled was chosen by the kernel and means nothing by itself: both
// ends report it, and only a connection that both report is known. The kernel gives the same port to connections with several nodes, so
// that the two ends of a connection are known by both their addresses and ports.

// identities are the addresses of the nodes.
type identities struct {
	// listeners are the addresses and ports that the nodes accept connections on, not valid for a node without an address, and texts the
	// same as they are written into calls.
	listeners []netip.AddrPort
	texts     []string
	// owner maps an address, as in texts, to the one node that has it, if it shares it with none.
	owner map[string]int
	// ports maps the listeners of nodes that share their addresses to these, and members are their addresses.
	ports   map[netip.AddrPort]int
	members map[netip.Addr]*member
}

// member is a shared address.
type member struct {
	// silent is the number of its nodes that cannot be asked now.
	silent int
}

// listener is the address and port that a node accepts connections on, and its text in calls.
func listener(node *Node) (at netip.AddrPort, text string) {
	addr, ok := parseIP(node.Address)
	switch {
	case !ok || node.Port < 0 || node.Port > 1<<16-1:
		return netip.AddrPort{}, ""
	case !node.Shared:
		return netip.AddrPortFrom(addr, v1.P2PPort), canonical(addr, node.Address)
	case node.Port == 0:
		at = netip.AddrPortFrom(addr, v1.P2PPort)
	default:
		at = netip.AddrPortFrom(addr, uint16(node.Port))
	}
	return at, at.String()
}

// assignAddresses maps each address to one node. Kubernetes may report an old address of
// a deleted pod that another pod has already. When several nodes have the same address, or the same port of a shared one, it
// belongs to the only one of them that answered, and the others have none. Otherwise it
// belongs to none of them in this reconcile: these nodes get no action, and the entries of
// other nodes with this address stay.
func (v *view) assignAddresses() {
	type claim struct{ last, answered, claims int }
	claims := make(map[string]claim, len(v.nodes))
	for i, node := range v.nodes {
		v.listeners[i], v.texts[i] = listener(node)
		if !v.listeners[i].IsValid() {
			continue
		}
		c := claims[v.texts[i]]
		c.claims++
		if node.Answered {
			c.answered++
		}
		if node.Answered || c.claims == 1 {
			c.last = i
		}
		claims[v.texts[i]] = c
	}
	v.owner = make(map[string]int, len(claims))
	for i, node := range v.nodes {
		c := claims[v.texts[i]]
		switch {
		case !v.listeners[i].IsValid():
		case c.claims > 1 && c.answered != 1:
		case c.last != i:
			v.listeners[i] = netip.AddrPort{}
		default:
			v.own(i)
			v.live[i] = node.Answered
			v.callable[i] = node.Answered && !node.Busy
		}
	}
	for i, node := range v.nodes {
		if node.Shared && v.listeners[i].IsValid() {
			v.share(i)
		}
	}
}

func (v *view) own(i int) {
	if !v.nodes[i].Shared {
		v.owner[v.texts[i]] = i
		return
	}
	if v.ports == nil {
		v.ports = map[netip.AddrPort]int{}
	}
	v.ports[v.listeners[i]] = i
}

func (v *view) share(i int) {
	if v.members == nil {
		v.members = map[netip.Addr]*member{}
	}
	at := v.listeners[i].Addr()
	if v.members[at] == nil {
		v.members[at] = &member{}
	}
	if !v.callable[i] {
		v.members[at].silent++
	}
}

// shared reports whether an address is one that nodes share.
func (v *view) shared(addr netip.Addr) bool { return v.members[addr] != nil }

// ownerOf returns the index of the node that alone has an address, or -1. isIP is false when
// the address is a name.
func (v *view) ownerOf(address string) (i int, isIP bool) {
	host, _, ok := splitHost(address)
	if !ok {
		return -1, false
	}
	// Nearly every address is that of a node, in its canonical form. A mesh of 500 nodes
	// reports a quarter of a million addresses, so that parsing all would be slow.
	if i, known := v.owner[host]; known {
		return i, true
	}
	addr, ok := parseIP(host)
	if !ok {
		return -1, false
	}
	if i, known := v.owner[addr.String()]; known {
		return i, true
	}
	return -1, true
}

// listenerAt returns the index of the node that is reached at an endpoint, or -1.
func (v *view) listenerAt(end endpoint) int {
	if !end.addr.IsValid() {
		return -1
	}
	if i, known := v.ports[end.dials()]; known {
		return i
	}
	if i, known := v.owner[end.addr.String()]; known && end.reaches(v.listeners[i]) {
		return i
	}
	return -1
}

// targetOf returns the node that a node connects with when it dials an entry of its list, or -1.
func (v *view) targetOf(i int, entry string) int {
	end := parseEndpoint(entry)
	if !end.addr.IsValid() {
		end = parseEndpoint(v.nodes[i].Resolved[entry])
	}
	return v.listenerAt(end)
}

// isOperators reports whether an entry of a list has the form of those that the operator adds: an IP address without port, or one with
// the port of a node where nodes share addresses.
func (v *view) isOperators(end endpoint) bool {
	return end.bare || v.members != nil && end.addr.IsValid() && isNodePort(end.dials().Port())
}

// isNodePort reports whether a port is one that a node that shares its address may have.
func isNodePort(port uint16) bool { return v1.SlotOfPort(v1.P2PPort, int32(port)) >= 0 }
