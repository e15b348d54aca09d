//go:build e2e

package network

import (
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Nodes 0 and 1, without blocks, have asked each other for headers. Without mining, bitcoind would not ask node 2 for fifteen minutes.
func TestNodesWithoutBlocksGetThoseOfTheOtherSideOfAPartition(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	n := network("rejoined", 3)
	n.Spec.Partitions = []v1.Partition{{Nodes: []int32{2}}}
	env.create(n)
	env.ready("rejoined", readyTimeout)
	best := env.mineAt("rejoined-sts-2", "5")
	env.change("rejoined", func(spec *v1.BitcoinNetworkSpec) { spec.Partitions = nil })
	env.ready("rejoined", time.Minute)
	env.allAt("rejoined", 3, best)
	env.exactly("rejoined", 3, func(i int) []int { return [][]int{{1, 2}, {0, 2}, {0, 1}}[i] })
}
