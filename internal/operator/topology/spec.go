package topology

import v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"

// SpecOf is what the spec of a network with so many nodes specifies, with the defaults filled in.
func SpecOf(spec v1.BitcoinNetworkSpec, nodes int) Spec {
	desired := Spec{Type: v1.TopologyMesh, Nodes: nodes, Degree: v1.DefaultDegree, Seed: v1.DefaultSeed}
	if t := spec.Topology; t != nil {
		desired.Type = t.Type
		if t.Degree != nil {
			desired.Degree = int(*t.Degree)
		}
		if t.Seed != nil {
			desired.Seed = *t.Seed
		}
		for _, e := range t.Edges {
			desired.Edges = append(desired.Edges, Edge{A: int(e.From), B: int(e.To)})
		}
	}
	for _, p := range spec.Partitions {
		set := make([]int, len(p.Nodes))
		for i, n := range p.Nodes {
			set[i] = int(n)
		}
		desired.Partitions = append(desired.Partitions, set)
	}
	return desired
}
