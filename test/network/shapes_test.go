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

// neighbours turns edges into who is next to whom.
func neighbours(edges []topology.Edge) func(int) []int {
	return func(i int) []int {
		var list []int
		for _, e := range edges {
			switch i {
			case e.A:
				list = append(list, e.B)
			case e.B:
				list = append(list, e.A)
			}
		}
		return list
	}
}

// line joins each of the nodes to the next.
func line(nodes int) func(int) []int {
	return neighbours(topology.Desired(topology.Spec{Type: topology.Line, Nodes: nodes}))
}

// In one network, so that each change of shape is seen too: what the old one had must go.
func TestEachShapeHasItsEdgesAndNoOthers(t *testing.T) {
	long(t)
	random := topology.Spec{Type: topology.Random, Nodes: 30, Degree: 4, Seed: 7}
	// Most of its shapes are of twelve nodes and less; if others waited until there is room for thirty, the machine would idle.
	l := newLab(t, 12)
	l.create(network("shaped", 10))
	for _, shape := range []struct {
		nodes    int
		topology v1.Topology
		want     func(int) []int
	}{
		{10, v1.Topology{Type: v1.TopologyMesh}, others(10)},
		{20, v1.Topology{Type: v1.TopologyMesh}, others(20)},
		{30, v1.Topology{Type: v1.TopologyRandom, Degree: ptr.To(int32(4)), Seed: ptr.To(int64(7))}, neighbours(topology.Desired(random))},
		{12, v1.Topology{Type: v1.TopologyRing}, func(i int) []int { return []int{(i + 11) % 12, (i + 1) % 12} }},
		{12, v1.Topology{Type: v1.TopologyStar}, func(i int) []int {
			if i > 0 {
				return []int{0}
			}
			return others(12)(0)
		}},
	} {
		if !t.Run(fmt.Sprintf("%s-of-%d", strings.ToLower(string(shape.topology.Type)), shape.nodes), func(t *testing.T) {
			l := &lab{T: t, namespace: l.namespace}
			l.change("shaped", func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Topology = int32(shape.nodes), &shape.topology }) //nolint:gosec // a small number
			l.ready("shaped", patience)
			l.exactly("shaped", shape.nodes, shape.want)
		}) {
			t.FailNow()
		}
	}
}

func TestAPartitionForksTheChainAndHealingJoinsIt(t *testing.T) {
	long(t)
	l := newLab(t, 6)
	l.create(network("split", 6))
	l.ready("split", patience)
	l.change("split", func(s *v1.BitcoinNetworkSpec) { s.Partitions = []v1.Partition{{Nodes: []int32{0, 1, 2}}} })
	l.ready("split", patience)
	side := func(i int) []int {
		return slices.DeleteFunc(others(6)(i), func(n int) bool { return n/3 != i/3 })
	}
	l.exactly("split", 6, side)

	// To different scripts: blocks of the same second and script would be the same block on both sides, and no fork.
	for _, mined := range []struct{ pod, blocks, script string }{{"split-sts-0", "2", "raw(51)"}, {"split-sts-3", "5", "raw(52)"}} {
		if _, err := l.cli(mined.pod, "generatetodescriptor", mined.blocks, mined.script); err != nil {
			t.Fatal(err)
		}
	}
	l.eventually("the status to show two branches", time.Minute, func() error {
		status := l.get("split").Status
		if status.ChainTips != 2 || status.Height != 5 {
			return fmt.Errorf("%d tips, height %d", status.ChainTips, status.Height)
		}
		return nil
	})
	l.eventually("an event to tell of the fork", time.Minute, func() error { return l.hasEvent("split", "Forked") })

	l.change("split", func(s *v1.BitcoinNetworkSpec) { s.Partitions = nil })
	status := l.ready("split", patience).Status
	l.exactly("split", 6, others(6))
	best, err := l.cli("split-sts-3", "getbestblockhash")
	if err != nil {
		t.Fatal(err)
	}
	if status.ChainTips != 1 || status.Height != 5 || status.BestBlockHash != best {
		t.Errorf("healed, the status says %d tips, height %d, best %s; node 3 is at %s", status.ChainTips, status.Height, status.BestBlockHash, best)
	}
	for i := range 6 {
		if hash, err := l.cli(fmt.Sprintf("split-sts-%d", i), "getbestblockhash"); err != nil || hash != best {
			t.Errorf("node %d is at %s, %v", i, hash, err)
		}
	}
	l.eventually("an event to tell that the fork is gone", time.Minute, func() error { return l.hasEvent("split", "ForkGone") })
}

// hasEvent looks for an event about a network.
func (l *lab) hasEvent(network, reason string) error {
	l.Helper()
	if len(l.told(network, reason)) == 0 {
		return errors.New("there is none")
	}
	return nil
}

func TestBlocksAreMinedByIntervalAndStopWithTheField(t *testing.T) {
	long(t)
	l := newLab(t, 2)
	n := network("mined", 2)
	n.Spec.Mining = &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}
	n.Spec.Groups = []v1.Group{{Name: "index", Nodes: 1, Config: v1.Config{"txindex": "1"}}}
	l.create(n)
	l.ready("mined", patience)
	l.eventually("five blocks", time.Minute, func() error {
		if height := l.get("mined").Status.Height; height < 5 {
			return fmt.Errorf("height %d", height)
		}
		return nil
	})
	indexed, err := l.cli("mined-index-sts-0", "getindexinfo")
	if err != nil || len(indexed) < 5 {
		t.Errorf("the group's configuration did not reach its node: %q, %v", indexed, err)
	}
	l.change("mined", func(s *v1.BitcoinNetworkSpec) { s.Mining = nil })
	l.ready("mined", patience)
	height, err := l.cli("mined-sts-0", "getblockcount")
	if err != nil {
		t.Fatal(err)
	}
	// As many looks of the operator as would have mined three more blocks.
	deadline := time.Now().Add(3 * time.Second)
	l.eventually("three seconds to pass", 10*time.Second, func() error {
		if time.Now().Before(deadline) {
			return errors.New("not yet")
		}
		return nil
	})
	if now, err := l.cli("mined-sts-0", "getblockcount"); err != nil || now != height {
		t.Errorf("mining was to stop at %s, and is at %s, %v", height, now, err)
	}
}
