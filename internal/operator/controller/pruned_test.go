package controller

import (
	"fmt"
	"slices"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
)

func TestNodesBehindPrunedNodesAreNamed(t *testing.T) {
	line := []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
	full := func(height int64) bitcoind.ChainInfo { return bitcoind.ChainInfo{Blocks: height} }
	pruned := func(height int64) bitcoind.ChainInfo { return bitcoind.ChainInfo{Blocks: height, Pruned: true} }
	for name, test := range map[string]struct {
		chains  []bitcoind.ChainInfo
		desired []topology.Edge
		want    []string
	}{
		"all have the chain":                                   {[]bitcoind.ChainInfo{pruned(400), pruned(400), pruned(400)}, line, nil},
		"behind a pruned node":                                 {[]bitcoind.ChainInfo{pruned(0), pruned(400), pruned(400)}, line, []string{"n-0"}},
		"a pruned node still has the blocks":                   {[]bitcoind.ChainInfo{pruned(112), pruned(400), pruned(400)}, line, nil},
		"a pruned node has one block less":                     {[]bitcoind.ChainInfo{pruned(111), pruned(400), pruned(400)}, line, []string{"n-0"}},
		"beside a node that is not pruned":                     {[]bitcoind.ChainInfo{pruned(0), full(400), pruned(400)}, line, nil},
		"the node that is not pruned is behind a pruned one":   {[]bitcoind.ChainInfo{pruned(0), pruned(400), full(400)}, line, []string{"n-0"}},
		"the node between catches up with one not pruned":      {[]bitcoind.ChainInfo{full(0), pruned(0), full(400)}, line, nil},
		"the node between does not catch up with a pruned one": {[]bitcoind.ChainInfo{full(0), pruned(0), pruned(400)}, line, []string{"n-0", "n-1"}},
		"the side of a partition that has no other blocks":     {[]bitcoind.ChainInfo{full(0), full(400), pruned(400)}, line[1:], nil},
		"one neighbour of two is not pruned":                   {[]bitcoind.ChainInfo{full(0), pruned(400), full(400)}, append(slices.Clone(line), topology.Edge{A: 0, B: 2}), nil},
	} {
		nodes := make([]node, len(test.chains))
		for i, chain := range test.chains {
			nodes[i] = node{ordinal: i, podName: fmt.Sprintf("n-%d", i), answer: &answer{chain: chain}}
		}
		if got := cutOff(nodes, test.desired); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	if got := cutOff([]node{{podName: "n-0"}, {podName: "n-1", answer: &answer{chain: pruned(400)}}}, line[:1]); got != nil {
		t.Errorf("a node that does not answer: %v", got)
	}
}
