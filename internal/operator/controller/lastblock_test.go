package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// never is a pass or a block that has not been.
const never = -1

// seenBlock is what a node reports: "" for a node that does not answer, "g" for the genesis block.
type seenBlock struct {
	chain string
	time  int // of the best block
}

// blockAppearances have times in seconds; it is 100 now.
var blockAppearances = map[string]struct {
	before [2]string // the chains in the previous status
	last   int       // the latest block in the previous status
	nodes  [2]seenBlock
	pass   int // the last pass; never after a restart
	apart  bool
	want   int
}{
	"no block":                                    {[2]string{"", ""}, never, [2]seenBlock{{"g", -9000}, {"g", -9000}}, never, false, never},
	"nothing new":                                 {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"ga", 40}, {"ga", 40}}, 95, false, 50},
	"nothing new after a restart":                 {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"ga", 40}, {"ga", 40}}, never, false, 50},
	"an earlier operator has not written it":      {[2]string{"ga", "ga"}, never, [2]seenBlock{{"ga", 40}, {"ga", 40}}, never, false, 40},
	"nor when the block is ahead of the clock":    {[2]string{"ga", "ga"}, never, [2]seenBlock{{"ga", 4000}, {"ga", 4000}}, never, false, 100},
	"a new block":                                 {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", 97}, {"ga", 40}}, 95, false, 97},
	"a new block that is ahead of the clock":      {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", 4000}, {"gab", 4000}}, 95, false, 100},
	"a new block by a clock that is behind":       {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", -4000}, {"gab", -4000}}, 95, false, 95},
	"a new block after a restart":                 {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", 70}, {"gab", 70}}, never, false, 70},
	"one ahead of the clock after a restart":      {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", 4000}, {"gab", 4000}}, never, false, 100},
	"a block without a time":                      {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"gab", never}, {"gab", never}}, never, false, 100},
	"a node that syncs":                           {[2]string{"gabc", ""}, 50, [2]seenBlock{{"gabc", 40}, {"ga", 4000}}, 95, false, 50},
	"a node that is back with the chain":          {[2]string{"", "gabc"}, 50, [2]seenBlock{{"gabc", 4000}, {"gabc", 4000}}, 95, false, 50},
	"a new block on the lower side":               {[2]string{"gabc", "ga"}, 50, [2]seenBlock{{"gabc", 40}, {"gad", 97}}, 95, true, 97},
	"the lower side is back with an old block":    {[2]string{"gabc", ""}, 50, [2]seenBlock{{"gabc", 40}, {"ga", 20}}, 95, true, 50},
	"a block was invalidated":                     {[2]string{"gabc", "gabc"}, 50, [2]seenBlock{{"gab", 30}, {"gab", 30}}, 95, false, 50},
	"all nodes have lost the chain":               {[2]string{"gabc", "gabc"}, 50, [2]seenBlock{{"g", -9000}, {"g", -9000}}, 95, false, 50},
	"the clock was set back":                      {[2]string{"ga", "ga"}, 5000, [2]seenBlock{{"ga", 4990}, {"ga", 4990}}, 5100, false, 100},
	"the clock was set back, and a new block":     {[2]string{"ga", "ga"}, 5000, [2]seenBlock{{"gab", 5001}, {"ga", 4990}}, 5100, false, 100},
	"no node answers":                             {[2]string{"ga", "ga"}, 50, [2]seenBlock{}, 95, false, 50},
	"one node does not answer, the other is same": {[2]string{"ga", "ga"}, 50, [2]seenBlock{{"ga", 40}, {}}, 95, false, 50},
}

func TestTheLatestBlockAppearedWhenItWasSeenOrEarlier(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for name, test := range blockAppearances {
		t.Run(name, func(t *testing.T) {
			var previous v1.BitcoinNetworkStatus
			nodes := make([]node, 2)
			for i, n := range test.nodes {
				nodes[i].podName = string(rune('0' + i))
				previous.Nodes = append(previous.Nodes, v1.NodeStatus{PodName: nodes[i].podName, BestBlockHash: test.before[i], Blocks: int64(len(test.before[i])) - 1})
				if len(test.before[i]) > len(previous.BestBlockHash) {
					previous.BestBlockHash = test.before[i]
				}
				if n.chain == "" {
					continue
				}
				nodes[i].answer = onChains(n.chain)[0].answer
				nodes[i].answer.chain.Blocks--
				if n.time != never {
					nodes[i].answer.chain.Time = at(n.time).Unix()
				}
			}
			if test.last != never {
				previous.LastBlockTime = &metav1.Time{Time: at(test.last)}
			}
			var lastPass time.Time
			if test.pass != never {
				lastPass = at(test.pass)
			}
			desired := []topology.Edge{{A: 0, B: 1}}
			if test.apart {
				desired = nil
			}
			got := lastBlockTime(&previous, nodes, sidesOf(nodes, desired), lastPass, at(100).Add(300*time.Millisecond))
			switch {
			case test.want == never && got != nil:
				t.Errorf("got %s, want none", got)
			case test.want != never && (got == nil || !got.Time.Equal(at(test.want))):
				t.Errorf("got %v, want %s", got, at(test.want))
			}
		})
	}
}
