//go:build e2e

package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// In one network, so that each change of topology is tested too: the connections of the old one must go.
func TestEachShapeHasItsEdgesAndNoOthers(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		// Most of its shapes are of twelve nodes and less; if others waited until there is room for thirty, the machine would idle.
		env := newPackedEnv(t, sized(perPod, 12, 8), perPod)
		env.create(network("shaped", sized(perPod, 10, 6)))
		for _, shape := range []struct {
			nodes    int
			topology v1.Topology
			want     func(nodes int) func(i int) []int
		}{
			{sized(perPod, 10, 6), v1.Topology{Type: v1.TopologyMesh}, others},
			{sized(perPod, 20, 8), v1.Topology{Type: v1.TopologyMesh}, others},
			{sized(perPod, 30, 8), v1.Topology{Type: v1.TopologyRandom, Degree: ptr.To(int32(4)), Seed: ptr.To(int64(7))}, func(nodes int) func(i int) []int {
				return neighbours(topology.Desired(topology.Spec{Type: v1.TopologyRandom, Nodes: nodes, Degree: 4, Seed: 7}))
			}},
			{sized(perPod, 12, 7), v1.Topology{Type: v1.TopologyRing}, func(nodes int) func(i int) []int {
				return func(i int) []int { return []int{(i + nodes - 1) % nodes, (i + 1) % nodes} }
			}},
			{sized(perPod, 12, 7), v1.Topology{Type: v1.TopologyStar}, func(nodes int) func(i int) []int {
				return func(i int) []int {
					if i > 0 {
						return []int{0}
					}
					return others(nodes)(0)
				}
			}},
			{6, v1.Topology{Type: v1.TopologyCustom, Edges: []v1.Edge{{From: 0, To: 1}, {From: 4, To: 1}, {From: 1, To: 2}, {From: 3, To: 4}, {From: 5, To: 3}}},
				func(int) func(i int) []int {
					return func(i int) []int { return [][]int{{1}, {0, 2, 4}, {1}, {4, 5}, {1, 3}, {3}}[i] }
				}},
		} {
			if !t.Run(fmt.Sprintf("%s-of-%d", strings.ToLower(string(shape.topology.Type)), shape.nodes), func(t *testing.T) {
				env := env.within(t)
				env.change("shaped", func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Topology = int32(shape.nodes), &shape.topology }) //nolint:gosec // a small number
				env.ready("shaped", readyTimeout)
				env.exactly("shaped", shape.nodes, shape.want(shape.nodes))
			}) {
				t.FailNow()
			}
		}
	})
}

// With several nodes in a pod, one of the pods has nodes of both sides.
func TestAPartitionForksTheChainAndHealingJoinsIt(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		env := newPackedEnv(t, 6, perPod)
		env.create(network("split", 6))
		env.ready("split", readyTimeout)
		env.change("split", func(s *v1.BitcoinNetworkSpec) { s.Partitions = []v1.Partition{{Nodes: []int32{0, 1, 2}}} })
		env.ready("split", readyTimeout)
		env.exactly("split", 6, func(i int) []int {
			return slices.DeleteFunc(others(6)(i), func(n int) bool { return n/3 != i/3 })
		})
		env.forks("split")
		env.change("split", func(s *v1.BitcoinNetworkSpec) { s.Partitions = nil })
		status := env.ready("split", readyTimeout).Status
		env.exactly("split", 6, others(6))
		best, err := env.cli(env.node("split", 3), "getbestblockhash")
		if err != nil {
			t.Fatal(err)
		}
		if status.ChainTips != 1 || status.Height != 5 || status.BestBlockHash != best {
			t.Errorf("healed, the status has %d tips, height %d, best %s; node 3 is at %s", status.ChainTips, status.Height, status.BestBlockHash, best)
		}
		env.allAt("split", 6, best)
		env.eventually("an event about the end of the fork", time.Minute, func() error { return env.hasEvent("split", "ForkGone") })
	})
}

// forks mines on both sides of a network of six nodes, the longer branch at node 3.
func (env *testEnv) forks(name string) {
	env.Helper()
	// To different scripts: blocks of the same second and script would be the same block on both sides, and no fork.
	for _, mined := range []struct {
		node           int
		blocks, script string
	}{{0, "2", "raw(51)"}, {3, "5", "raw(52)"}} {
		if _, err := env.cli(env.node(name, mined.node), "generatetodescriptor", mined.blocks, mined.script); err != nil {
			env.Fatal(err)
		}
	}
	env.eventually("the status to show two branches", time.Minute, func() error {
		status := env.get(name).Status
		if status.ChainTips != 2 || status.Height != 5 {
			return fmt.Errorf("%d tips, height %d", status.ChainTips, status.Height)
		}
		return nil
	})
	env.eventually("an event about the fork", time.Minute, func() error { return env.hasEvent(name, "Forked") })
}

// hasEvent returns an error without an event of the network with this reason.
func (env *testEnv) hasEvent(network, reason string) error {
	env.Helper()
	if len(env.eventNotes(network, reason)) == 0 {
		return errors.New("there is none")
	}
	return nil
}

func TestBlocksAreMinedByIntervalAndStopWithTheField(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	n := network("mined", 2)
	n.Spec.Mining = &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}
	n.Spec.Groups = []v1.Group{{Name: "index", Nodes: 1, Config: v1.Config{"txindex": "1"}}}
	env.create(n)
	env.ready("mined", readyTimeout)
	env.eventually("five blocks", time.Minute, func() error {
		if height := env.get("mined").Status.Height; height < 5 {
			return fmt.Errorf("height %d", height)
		}
		return nil
	})
	indexed, err := env.cli("mined-index-sts-0", "getindexinfo")
	if err != nil || len(indexed) < 5 {
		t.Errorf("the group's configuration did not reach its node: %q, %v", indexed, err)
	}
	env.change("mined", func(s *v1.BitcoinNetworkSpec) { s.Mining = nil })
	env.ready("mined", readyTimeout)
	height := ""
	env.eventually("a call to mine that was under way to be over, and its block to be on both nodes", time.Minute, func() error {
		was, heights := height, []string{}
		for _, pod := range []string{"mined-sts-0", "mined-index-sts-0"} {
			at, err := env.cli(pod, "getblockcount")
			if err != nil {
				return err
			}
			heights = append(heights, at)
		}
		if height = heights[0]; height != was || heights[1] != height {
			return fmt.Errorf("the heights are %v, and %s before", heights, was)
		}
		return nil
	})
	// Enough time to mine three more blocks.
	deadline := time.Now().Add(3 * time.Second)
	env.eventually("three seconds to pass", 10*time.Second, func() error {
		if time.Now().Before(deadline) {
			return errors.New("not yet")
		}
		return nil
	})
	if now, err := env.cli("mined-sts-0", "getblockcount"); err != nil || now != height {
		t.Errorf("mining was to stop at %s, and is at %s, %v", height, now, err)
	}
}
