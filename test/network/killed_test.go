//go:build e2e

package network

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// bitcoind writes its chain to the disk when it is stopped, and otherwise once an hour. A node that is killed, by its memory limit for
// example, would begin with the first block again, and here no other node has the others: it is alone on its side of a partition. The
// other nodes of its pod keep running.
func TestAKilledNodeHasItsChain(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes, killed := sized(perPod, 2, 5), sized(perPod, 0, 2)
		env := newPackedEnv(t, nodes, perPod)
		n := storedNetwork("killed", nodes)
		n.Spec.Partitions = []v1.Partition{{Nodes: []int32{int32(killed)}}} //nolint:gosec // a small number
		env.create(n)
		env.ready("killed", readyTimeout)
		node := env.node("killed", killed)
		best := env.mineToWallet(node, "savings")
		env.eventually("the chain state to be written after the last block", time.Minute, func() error {
			_, err := env.tryBeside(node,
				`(cd $p/root`+dataDir(node)+`/regtest && [ -n "$(find chainstate -type f -newer "$(ls -t blocks/rev*.dat | head -1)")" ])`)
			return err
		})
		before := ofEach(env, "killed", nodes, env.process)
		env.signal("KILL", node)
		env.eventually("bitcoind to run again, with its chain", time.Minute, func() error {
			now, err := env.process(node)
			if err != nil || now == before[killed] {
				return fmt.Errorf("its process was %s, and is %s (%w)", before[killed], now, err)
			}
			hash, err := env.cli(node, "getbestblockhash")
			if err == nil && hash != best {
				err = fmt.Errorf("its best block is %s", hash)
			}
			return err
		})
		env.hasCoins(node, "savings", "50.00000000")
		for i, now := range ofEach(env, "killed", nodes, env.process) {
			if i != killed && now != before[i] {
				t.Errorf("node %d was the process %s, and is %s", i, strings.TrimSpace(before[i]), now)
			}
		}
		// The other side has no blocks: the network is ready when the partition is healed.
		env.change("killed", func(spec *v1.BitcoinNetworkSpec) { spec.Partitions = nil })
		if fall := env.ready("killed", readyTimeout).Status.HeightFell; fall != nil {
			t.Errorf("the height fell: %+v", fall)
		}
		env.allAt("killed", nodes, best)
	})
}
