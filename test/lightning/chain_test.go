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
	env := newEnv(t, 5)
	n := env.create("reorganised", zmq(2), line(3))
	n.ready()
	ends, _, err := n.ends()
	if err != nil {
		t.Fatal(err)
	}
	lowest := 0
	for _, list := range ends {
		for _, e := range list {
			var height, position, output int
			if _, err := fmt.Sscanf(e.SCID, "%dx%dx%d", &height, &position, &output); err != nil {
				t.Fatalf("%s: %v", e.SCID, err)
			}
			if lowest == 0 || height < lowest {
				lowest = height
			}
		}
	}
	var tip int
	if _, err := fmt.Sscan(n.bitcoinCLI(0, "getblockcount"), &tip); err != nil {
		t.Fatal(err)
	}
	n.bitcoinCLI(0, "invalidateblock", n.bitcoinCLI(0, "getblockhash", fmt.Sprint(lowest)))
	n.bitcoinCLI(0, "generateblock", "raw(53)", "[]")
	n.bitcoinCLI(0, "generatetodescriptor", fmt.Sprint(tip-lowest+1), "raw(53)")
	n.eventually("both bitcoinds to have the other chain", readyTimeout, func() error {
		if n.bitcoinCLI(0, "getbestblockhash") != n.bitcoinCLI(1, "getbestblockhash") {
			return errors.New("they have not")
		}
		return nil
	})
	n.asDeclared()
	t.Logf("keys and channels are\n%s", strings.Join(n.points(), "\n"))
}
