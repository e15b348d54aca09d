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
