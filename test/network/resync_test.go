//go:build e2e

package network

import (
	"fmt"
	"slices"
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

// A person tries another branch on one node. It has the headers of the others, and rejects them: its connections stay as they are.
func TestANodeThatRejectsBlocksKeepsItsConnections(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	env.create(network("stubborn", 3))
	env.ready("stubborn", readyTimeout)
	env.mineAt("stubborn-sts-0", "5")
	env.allHave("stubborn", 5)
	before := env.peerIDs("stubborn-sts-1")
	third, err := env.cli("stubborn-sts-1", "getblockhash", "3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.cli("stubborn-sts-1", "invalidateblock", third); err != nil {
		t.Fatal(err)
	}
	// Its connections would be closed for the second time after 40 seconds.
	since := time.Now()
	env.every(time.Second, "three quarters of a minute to pass", time.Minute, func() error {
		if now := env.peerIDs("stubborn-sts-1"); !slices.Equal(now, before) {
			t.Fatalf("after %s the connections are %v, and before %v", time.Since(since), now, before)
		}
		if left := 45*time.Second - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	if _, err := env.cli("stubborn-sts-1", "reconsiderblock", third); err != nil {
		t.Fatal(err)
	}
	env.ready("stubborn", time.Minute)
	env.allHave("stubborn", 5)
}
