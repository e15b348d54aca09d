package topology

import (
	"fmt"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// steady is a network in which everything is as it should be.
func steady(spec Spec) ([]Edge, []Node) {
	desired := Desired(spec)
	nodes := make(network, spec.Nodes)
	for i := range nodes {
		nodes[i] = Node{Ordinal: i, Address: fmt.Sprintf("10.244.%d.%d", i/250, i%250+1), Answered: true}
	}
	for i, listed := range listsOf(spec.Nodes, desired) {
		for _, j := range listed {
			nodes.lists(i, nodes[j].Address)
		}
	}
	for _, e := range desired {
		nodes.sees(e.A, Peer{Address: nodes[e.B].Address, Handshaked: true})
		nodes.sees(e.B, Peer{Address: nodes[e.A].Address + ":40123", Inbound: true, Handshaked: true})
	}
	return desired, nodes
}

// fresh is the same network before anything was done.
func fresh(spec Spec) ([]Edge, []Node) {
	desired, nodes := steady(spec)
	for i := range nodes {
		nodes[i].Added, nodes[i].Peers = nil, nil
	}
	return desired, nodes
}

func benchmarkSpecs() map[string]Spec {
	return map[string]Spec{
		"mesh of 3":     {Type: v1.TopologyMesh, Nodes: 3},
		"mesh of 50":    {Type: v1.TopologyMesh, Nodes: 50},
		"mesh of 500":   {Type: v1.TopologyMesh, Nodes: 500},
		"random of 100": {Type: v1.TopologyRandom, Nodes: 100, Degree: 4, Seed: 1},
		"random of 500": {Type: v1.TopologyRandom, Nodes: 500, Degree: 12, Seed: 1},
	}
}

func BenchmarkPlan(b *testing.B) {
	for name, spec := range benchmarkSpecs() {
		b.Run(name+", steady", func(b *testing.B) {
			desired, nodes := steady(spec)
			b.ReportAllocs()
			for b.Loop() {
				if actions := Plan(desired, nodes); len(actions) > 0 {
					b.Fatalf("%d calls in a network that is as it should be", len(actions))
				}
			}
		})
		b.Run(name+", new", func(b *testing.B) {
			desired, nodes := fresh(spec)
			b.ReportAllocs()
			for b.Loop() {
				Plan(desired, nodes)
			}
		})
	}
}

// growthSpecs are networks of the same degree, each twice as large as the one before.
func growthSpecs() []Spec {
	var specs []Spec
	for _, nodes := range []int{125, 250, 500, 1000, 2000} {
		specs = append(specs, Spec{Type: v1.TopologyRandom, Nodes: nodes, Degree: 4, Seed: 1})
	}
	return specs
}

// steadyPacked is steady for nodes of which so many share an address.
func steadyPacked(spec Spec, perPod int) ([]Edge, []Node) {
	desired, nodes := Desired(spec), packedNetwork(spec.Nodes, perPod)
	for i := range nodes {
		nodes[i].Address = fmt.Sprintf("10.244.%d.%d", i/perPod/250, i/perPod%250+1)
	}
	for i, listed := range listsOf(spec.Nodes, desired) {
		for _, j := range listed {
			nodes.lists(i, nodes.at(j))
		}
	}
	for k, e := range desired {
		nodes.linked(e.A, e.B, 32768+k%20000)
	}
	return desired, nodes
}

// BenchmarkGrowth shows the time and the memory of all that a reconcile takes of this package.
func BenchmarkGrowth(b *testing.B) {
	for _, perPod := range []int{1, 50} {
		for _, spec := range growthSpecs() {
			b.Run(fmt.Sprintf("%d nodes, %d to an address", spec.Nodes, perPod), func(b *testing.B) {
				desired, nodes := steady(spec)
				if perPod > 1 {
					desired, nodes = steadyPacked(spec, perPod)
				}
				b.ReportAllocs()
				for b.Loop() {
					reconcileAll(spec, desired, nodes)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spec.Nodes), "ns/node")
			})
		}
	}
}

func reconcileAll(spec Spec, desired []Edge, nodes []Node) {
	Desired(spec)
	Observe(nodes)
	Connected(desired, nodes)
	ForeignPeers(nodes, func(string) bool { return false })
	Plan(desired, nodes)
}

func BenchmarkConnected(b *testing.B) {
	for name, spec := range benchmarkSpecs() {
		b.Run(name, func(b *testing.B) {
			desired, nodes := steady(spec)
			b.ReportAllocs()
			for b.Loop() {
				Connected(desired, nodes)
			}
		})
	}
}

func BenchmarkDesired(b *testing.B) {
	for name, spec := range benchmarkSpecs() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Desired(spec)
			}
		})
	}
}
