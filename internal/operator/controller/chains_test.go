package controller

import (
	"fmt"
	"maps"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestBranchesAndLag(t *testing.T) {
	for name, test := range map[string]struct {
		chains   []string
		branches string
		lag      int64
	}{
		"all on one block":                            {[]string{"aaa", "aaa", "aaa"}, "[aaa]", 0},
		"one block on its way":                        {[]string{"aaaa", "aaa", "aaa"}, "[aaaa]", 1},
		"one node far behind":                         {[]string{"aaaaaa", "a", "aaaaaa"}, "[aaaaaa]", 5},
		"two branches of one height":                  {[]string{"aab", "aac", "aab"}, "[aab aac]", 0},
		"two branches of different heights":           {[]string{"aab", "aaccc", "aab"}, "[aaccc aab]", 0},
		"behind on the shorter branch":                {[]string{"aabb", "aab", "aaccc"}, "[aaccc aabb]", 1},
		"behind both branches: the higher one counts": {[]string{"aabb", "aa", "aaccc"}, "[aaccc aabb]", 3},
		"a node that does not answer is ignored":      {[]string{"aaa", "", "aaa"}, "[aaa]", 0},
		"three branches":                              {[]string{"x", "yy", "zz"}, "[yy zz x]", 0},
		"no node answers":                             {[]string{"", ""}, "[]", 0},
		"a node with the genesis block only":          {[]string{"aaa", "a"}, "[aaa]", 2},
	} {
		t.Run(name, func(t *testing.T) {
			chains := compareTips(tipsOf(onChains(test.chains...)), func(branch, lower tip) (bool, bool) {
				return branch.hash[:lower.height] == lower.hash, true
			})
			var hashes []string
			for _, b := range chains.branches {
				hashes = append(hashes, b.hash)
			}
			if got := fmt.Sprint(hashes); got != test.branches || chains.lag != test.lag || !chains.complete {
				t.Errorf("branches %s lag %d complete %v, want %s and %d", got, chains.lag, chains.complete, test.branches, test.lag)
			}
		})
	}
}

func TestAComparisonWithoutAnAnswerIsIncomplete(t *testing.T) {
	chains := compareTips(tipsOf(onChains("aaa", "aa")), func(tip, tip) (bool, bool) { return false, false })
	if chains.complete {
		t.Error("the comparison is complete, though no node answered")
	}
}

// Node 0 is ahead of the others, which are on one branch. It answers, fails, or never answers.
func TestHigherNodesReturnTheBlocksOfLowerNodes(t *testing.T) {
	sameChain := func(_ string, params []any) (any, error) { return "aaaa"[:int(params[0].(float64))], nil }
	for name, test := range map[string]struct {
		node     nodeHandler
		complete bool
		branches int
	}{
		"it has the others' blocks": {sameChain, true, 1},
		"it has other blocks":       {func(string, []any) (any, error) { return "b", nil }, true, 2},
		"it returns errors":         {func(string, []any) (any, error) { return nil, errFake }, false, 2},
		"it never answers":          {nil, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				nodes := withAddresses(onChains("aaaa", "aaa", "aa", "aaa"))
				fake := newFakeNodes()
				fake.answer(0, test.node)
				fake.answer(1, sameChain)
				started := time.Now()
				chains := fake.client(t).compareChains(t.Context(), testNetwork(v1.BitcoinNetworkSpec{}), newSlots(maxCallsPerNetwork), nodes)
				if chains.complete != test.complete || len(chains.branches) != test.branches {
					t.Errorf("complete %v, %d branches: %+v", chains.complete, len(chains.branches), chains)
				}
				if got := fake.calls(); !maps.Equal(got, map[int]int{0: 1, 1: 1}) {
					t.Errorf("round trips by node: %v", got)
				}
				if took := time.Since(started); took > 0 != (test.node == nil) || took > probeTimeout {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestEqualTipsTakeNoCalls(t *testing.T) {
	fake := newFakeNodes()
	if chains := fake.client(t).compareChains(t.Context(), nil, nil, onChains("aa", "aa")); !chains.complete || len(fake.calls()) > 0 {
		t.Errorf("%+v, calls %v", chains, fake.calls())
	}
}
