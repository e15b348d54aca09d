package topology

import (
	"fmt"
	"runtime"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// allocated returns the bytes that a function allocates, which no other process on the machine changes.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Twice the nodes of the same degree have twice the edges, and must take no more than twice the memory and the places that loops go
// through. Maps grow in steps, which allows for a quarter more.
func TestAReconcileGrowsWithNodesAndEdgesOnly(t *testing.T) {
	specs := growthSpecs()
	small, large := specs[0], specs[len(specs)-1]
	factor := float64(large.Nodes) / float64(small.Nodes) * 1.25
	for name, network := range map[string]func(Spec) ([]Edge, []Node){
		"in the desired state": steady, "new": fresh,
		"of nodes that share addresses": func(spec Spec) ([]Edge, []Node) { return steadyPacked(spec, 50) },
	} {
		t.Run(name, func(t *testing.T) {
			var bytes [2]uint64
			var places [2]int
			for i, spec := range []Spec{small, large} {
				desired, nodes := network(spec)
				bytes[i] = allocated(func() { reconcileAll(spec, desired, nodes) })
				places[i] = len(newView(nodes, desired).facts)
			}
			if limit := factor * float64(bytes[0]); float64(bytes[1]) > limit {
				t.Errorf("%d nodes take %d bytes and %d nodes %d, want %.0f at most", small.Nodes, bytes[0], large.Nodes, bytes[1], limit)
			}
			if limit := factor * float64(places[0]); float64(places[1]) > limit {
				t.Errorf("%d nodes have %d places and %d nodes %d, want %.0f at most", small.Nodes, places[0], large.Nodes, places[1], limit)
			}
		})
	}
}

// Whatever the shape is, the relations take a bounded number of bytes for each node and edge, wanted or reported.
func TestRelationsTakeMemoryForNodesAndEdgesOnly(t *testing.T) {
	for _, spec := range append(bigSpecs(), Spec{Type: v1.TopologyStar, Nodes: 3000}, Spec{Type: v1.TopologyMesh, Nodes: 200, Partitions: [][]int{{0}, {1}}}) {
		desired, nodes := steady(spec)
		peers := 0
		for _, node := range nodes {
			peers += len(node.Peers)
		}
		for name, v := range map[string]*view{"all": newView(nodes, desired), "no edge is desired": newView(nodes, nil)} {
			limit := fullBytes * (spec.Nodes + len(desired) + peers)
			if got := len(v.facts) + 4*(len(v.first)+len(v.other)+len(v.back)); got > limit {
				t.Errorf("%s of %d, %s: %d bytes for %d nodes, %d edges and %d peers", spec.Type, spec.Nodes, name, got, spec.Nodes, len(desired), peers)
			}
		}
	}
}

// The list of pairs may have all pairs or those with relations: which of them is a matter of speed alone.
func TestAllPairsAndSomeGiveTheSamePlan(t *testing.T) {
	for seed := range uint64(50) {
		s := newPackedSimulator(t, seed, 12, 1+int(seed%4))
		s.mess()
		desired := Desired(Spec{Type: v1.TopologyRandom, Nodes: 12, Degree: 3, Seed: int64(seed)}) //nolint:gosec // a seed
		reports := s.reports()
		few := texts(Plan(desired, reports))
		// With nodes that have neither addresses nor edges, all pairs are too many.
		for i := range 800 {
			reports = append(reports, Node{Ordinal: 12 + i})
		}
		if newView(reports, desired).full || !newView(reports[:12], desired).full {
			t.Fatal("this test compares nothing")
		}
		if many := texts(Plan(desired, reports)); fmt.Sprint(many) != fmt.Sprint(few) {
			t.Fatalf("seed %d: %v and %v", seed, few, many)
		}
	}
}
