//go:build e2e

package lightning

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestAPartitionAcrossAChannelIsNamedAndTheChannelSurvivesIt(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	n := env.create("parted", zmq(2), line(2))
	n.ready()
	before := n.points()
	n.change(func(spec *v1.BitcoinNetworkSpec) { spec.Partitions = []v1.Partition{{Nodes: []int32{1}}} })
	n.untilCondition(v1.LightningConditionChannelsActive, v1.LightningReasonPartitioned, "0–1")
	// The sides get different blocks.
	n.bitcoinCLI(0, "generatetodescriptor", "6", "raw(51)")
	n.bitcoinCLI(1, "generatetodescriptor", "1", "raw(52)")
	n.untilCondition(v1.LightningConditionSynced, v1.LightningReasonHeightsApart, "node 1 of the BitcoinNetwork parted is 5 blocks behind node 0")
	n.change(func(spec *v1.BitcoinNetworkSpec) { spec.Partitions = nil })
	n.asDeclared()
	if after := n.points(); !slices.Equal(before, after) {
		t.Errorf("keys and channels were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// The funding transaction moves to another block, which is one later: the short channel ids of before are those of nothing.
func TestAfterAReorganisationOfTheFundingTheChannelsAreAsDeclared(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 5)
	n := env.create("reorganised", zmq(2), line(3))
	n.ready()
	n.reorganise(slices.Min(n.fundingHeights()))
	n.eventually("both bitcoinds to have the other chain", readyTimeout, func() error {
		if n.bitcoinCLI(0, "getbestblockhash") != n.bitcoinCLI(1, "getbestblockhash") {
			return errors.New("they have not")
		}
		return nil
	})
	n.asDeclared()
	t.Logf("keys and channels are\n%s", strings.Join(n.points(), "\n"))
}

// fundingHeights are those of the blocks with the funding transactions, of each channel twice.
func (n *network) fundingHeights() (heights []int) {
	n.Helper()
	ends, _, err := n.ends()
	if err != nil {
		n.Fatal(err)
	}
	for _, e := range slices.Concat(ends...) {
		var height, position, output int
		if _, err := fmt.Sscanf(e.SCID, "%dx%dx%d", &height, &position, &output); err != nil {
			n.Fatalf("%s: %v", e.SCID, err)
		}
		heights = append(heights, height)
	}
	return heights
}

func (n *network) blocks() (count int) {
	n.Helper()
	if _, err := fmt.Sscan(n.bitcoinCLI(0, "getblockcount"), &count); err != nil {
		n.Fatal(err)
	}
	return count
}

// reorganise replaces the blocks from a height on by one block more, the first of them without transactions.
func (n *network) reorganise(from int) {
	n.Helper()
	tip := n.blocks()
	n.bitcoinCLI(0, "invalidateblock", n.bitcoinCLI(0, "getblockhash", fmt.Sprint(from)))
	n.bitcoinCLI(0, "generateblock", "raw(53)", "[]")
	n.bitcoinCLI(0, "generatetodescriptor", fmt.Sprint(tip-from+1), "raw(53)")
}

// bitcoind keeps the transactions of the last ten blocks that it takes for invalid: the funding transaction of a deeper one is lost at that
// moment, and LND, whose closing transaction is rejected for that, does not send it again by itself.
func TestAfterAReorganisationThatLosesTheFundingTheChannelsAreAsDeclared(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, bitcoinds := range map[string]int32{"another bitcoind keeps it": 2, "only LND keeps it": 1} {
		t.Run(name, func(t *testing.T) {
			env := newEnv(t, 5)
			n := env.create("deep", zmq(bitcoinds), line(3))
			n.ready()
			before := n.points()
			n.bitcoinCLI(0, "generatetodescriptor", "11", "raw(54)")
			n.reorganise(slices.Min(n.fundingHeights()))
			n.eventually("other channels", readyTimeout, func() error {
				if now := n.points(); slices.Equal(now, before) {
					return errors.New("they are those of before")
				}
				return nil
			})
			n.asDeclared()
		})
	}
}
