package topology

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// script reads a test case out of the bytes that the fuzzer makes up.
type script struct{ data []byte }

func (s *script) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *script) below(n int) int { return int(s.byte()) % n }

// ordinal is mostly a likely one.
func (s *script) ordinal() int {
	switch b := int(s.byte()); b {
	case 255:
		return math.MaxInt
	case 254:
		return math.MinInt
	case 253:
		return -1
	default:
		return b % 24
	}
}

func (s *script) address() string {
	i := s.below(16)
	switch s.below(12) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("10.0.0.%d:18444", i)
	case 2:
		return fmt.Sprintf("::ffff:10.0.0.%d", i)
	case 3:
		return fmt.Sprintf("[fd00::%x]:%d", i, int(s.byte())*256+int(s.byte()))
	case 4:
		return fmt.Sprintf("fd00::%x", i)
	case 5:
		return fmt.Sprintf("net-sts-%d.net-svc", i)
	case 6:
		n := min(s.below(24), len(s.data))
		text := string(s.data[:n])
		s.data = s.data[n:]
		return text
	default:
		return fmt.Sprintf("10.0.0.%d", i)
	}
}

// end is one end of a connection with a node that shares its address.
func (s *script) end() string {
	b := int(s.byte())
	port := 18444 + 10*(b/4%4)
	if b >= 64 {
		port = 40000 + b/4%4
	}
	return fmt.Sprintf("10.0.0.%d:%d", b%4, port)
}

func (s *script) edges() []Edge {
	var edges []Edge
	for range s.below(128) {
		edges = append(edges, Edge{s.ordinal(), s.ordinal()})
	}
	return edges
}

func (s *script) nodes() []Node {
	var nodes []Node
	for range s.below(32) {
		state := s.byte()
		node := Node{Ordinal: s.ordinal(), Address: s.address(), Answered: state%4 > 0, Busy: state%16 > 12, ByHand: map[string]bool{}}
		if state&64 > 0 {
			node.Shared, node.Port = true, 18444+10*s.below(3)
			node.Address = fmt.Sprintf("10.0.0.%d", s.below(4))
		}
		for range s.below(12) {
			entry := s.address()
			node.Added = append(node.Added, entry)
			node.ByHand[entry] = state > 128
		}
		for range s.below(12) {
			flags := s.byte()
			node.Peers = append(node.Peers, Peer{
				ID: int64(s.byte()), Address: s.address(), Inbound: flags&1 > 0, Handshaked: flags&2 > 0,
			})
			if flags&4 > 0 {
				peer := &node.Peers[len(node.Peers)-1]
				peer.Address, peer.Bind = s.end(), s.end()
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 1, 2, 0, 1, 7, 1, 0, 0, 1, 2, 7, 1, 0, 0})
	f.Add([]byte("\x10abcdefghijklmnopqrstuvwxyz0123456789\x08abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		desired := s.edges()
		if s.below(2) == 0 {
			desired = Desired(Spec{Type: v1.TopologyMesh, Nodes: 24})
		}
		nodes := s.nodes()
		before := fmt.Sprint(desired, nodes)
		actions := Plan(desired, nodes)
		checkActions(t, nodes, actions)
		have, missing := Connected(desired, nodes)
		if have+len(missing) != len(desired) {
			t.Errorf("%d edges exist and %d are missing of %d", have, len(missing), len(desired))
		}
		for i, e := range Observe(nodes) {
			if e.A >= e.B || i > 1000 {
				t.Errorf("%v is no edge", e)
			}
			checkProof(t, nodes, e)
		}
		ForeignPeers(nodes, func(string) bool { return false })
		if after := fmt.Sprint(desired, nodes); after != before {
			t.Errorf("the input was changed:\n%s\n%s", before, after)
		}
		if again := Plan(desired, nodes); !slices.Equal(again, actions) {
			t.Errorf("the same input gives %v and %v", actions, again)
		}
		slices.SortStableFunc(nodes, func(a, b Node) int { return (a.Ordinal&7)*100 - (b.Ordinal&7)*100 })
		if again := Plan(desired, nodes); !slices.Equal(again, actions) {
			t.Errorf("the order of the nodes matters: %v and %v", actions, again)
		}
	})
}

func FuzzDesired(f *testing.F) {
	for _, kind := range append(slices.Clone(types), "", "mesh") {
		f.Add(string(kind), 9, 3, int64(1), []byte{2, 0, 1, 5, 4, 2, 1, 2})
	}
	f.Add(string(v1.TopologyRandom), 40, math.MaxInt, int64(math.MinInt64), []byte{})
	f.Add(string(v1.TopologyRandom), 64, math.MinInt, int64(-1), []byte{0, 9, 255, 254})
	f.Fuzz(func(t *testing.T, kind string, nodes, degree int, seed int64, data []byte) {
		if nodes > 0 {
			nodes %= 80
		}
		s := &script{data}
		spec := Spec{Type: v1.TopologyType(kind), Nodes: nodes, Degree: degree, Seed: seed, Edges: s.edges()}
		for range s.below(5) {
			var set []int
			for range s.below(20) {
				set = append(set, s.ordinal())
			}
			spec.Partitions = append(spec.Partitions, set)
		}
		before := fmt.Sprint(spec)
		edges := Desired(spec)
		checkWellFormed(t, spec, edges)
		if !reflect.DeepEqual(edges, Desired(spec)) {
			t.Errorf("%+v does not always give the same edges", spec)
		}
		if after := fmt.Sprint(spec); after != before {
			t.Errorf("the input was changed:\n%s\n%s", before, after)
		}
		if spec.Type == v1.TopologyRandom && len(spec.Partitions) == 0 && spec.Nodes > 0 {
			spec.Degree = max(spec.Degree, 1)
			checkRandom(t, spec)
		}
	})
}

func FuzzParseEndpoint(f *testing.F) {
	for _, text := range []string{"10.0.0.1", "10.0.0.1:18444", "[fd00::1]:18444", "fd00::1", "[::ffff:10.0.0.1]", "net-sts-0.net-svc:18444", "[", "::"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := parseEndpoint(text)
		if !end.addr.IsValid() {
			if end != (endpoint{}) {
				t.Errorf("%q is no address, but gives %+v", text, end)
			}
			return
		}
		bare := end.addr.String()
		if again := parseEndpoint(bare); again != (endpoint{addr: end.addr, bare: true}) {
			t.Errorf("%q is %s, and that is %+v", text, bare, again)
		}
		if again := parseEndpoint("[" + bare + "]:" + end.port); again.addr != end.addr || again.port != end.port || again.bare {
			t.Errorf("%q in brackets is %+v", text, again)
		}
		if _, err := netip.ParseAddr(text); end.bare != (err == nil) {
			t.Errorf("%q: taken as a bare address: %v", text, end.bare)
		}
	})
}
