package controller

import (
	"fmt"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

// chains are drawn as strings: each letter is a block, and the tip's hash is the whole string.
func onChains(chains ...string) []node {
	nodes := make([]node, len(chains))
	for i, chain := range chains {
		nodes[i].ordinal = i
		if chain != "" {
			nodes[i].answer = &answer{chain: bitcoind.ChainInfo{Blocks: int64(len(chain)), BestBlockHash: chain}}
		}
	}
	return nodes
}

func TestBranchesAndLag(t *testing.T) {
	for name, test := range map[string]struct {
		chains   []string
		branches string
		lag      int64
	}{
		"all on one block":                          {[]string{"aaa", "aaa", "aaa"}, "[aaa]", 0},
		"one block on its way":                      {[]string{"aaaa", "aaa", "aaa"}, "[aaaa]", 1},
		"one node far behind":                       {[]string{"aaaaaa", "a", "aaaaaa"}, "[aaaaaa]", 5},
		"two branches of one height":                {[]string{"aab", "aac", "aab"}, "[aab aac]", 0},
		"two branches of different heights":         {[]string{"aab", "aaccc", "aab"}, "[aaccc aab]", 0},
		"behind on the shorter branch":              {[]string{"aabb", "aab", "aaccc"}, "[aaccc aabb]", 1},
		"behind both: it follows the higher":        {[]string{"aabb", "aa", "aaccc"}, "[aaccc aabb]", 3},
		"a node that does not answer is left out":   {[]string{"aaa", "", "aaa"}, "[aaa]", 0},
		"three branches":                            {[]string{"x", "yy", "zz"}, "[yy zz x]", 0},
		"nobody answers":                            {[]string{"", ""}, "[]", 0},
		"a node with nothing but the genesis block": {[]string{"aaa", "a"}, "[aaa]", 2},
	} {
		t.Run(name, func(t *testing.T) {
			view := compareTips(tipsOf(onChains(test.chains...)), func(branch, lower tip) (bool, bool) {
				return branch.hash[:lower.height] == lower.hash, true
			})
			var hashes []string
			for _, b := range view.branches {
				hashes = append(hashes, b.hash)
			}
			if got := fmt.Sprint(hashes); got != test.branches || view.lag != test.lag || !view.known {
				t.Errorf("branches %s lag %d known %v, want %s and %d", got, view.lag, view.known, test.branches, test.lag)
			}
		})
	}
}

func TestABranchThatIsNotKnownToContainATipIsNoProof(t *testing.T) {
	view := compareTips(tipsOf(onChains("aaa", "aa")), func(tip, tip) (bool, bool) { return false, false })
	if view.known {
		t.Error("the comparison is said to be known, though nobody answered")
	}
}
