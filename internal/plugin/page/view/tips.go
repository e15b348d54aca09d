package view

import (
	"slices"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// maxBlocks are the blocks of a network of which the tracker knows the ones before.
	maxBlocks = 4096
	// maxWalk is how far back a branch is followed.
	maxWalk = 2016
	// bytesOfBlock are those of two hashes, and of the tables that have them.
	bytesOfBlock = 320
	// stale is how long a status may be behind what a node announced itself.
	stale = 15 * time.Second
)

// Tip is the best block of a node.
type Tip struct {
	Hash   string `json:"hash"`
	Height int64  `json:"height"`
	// Branch is 0 for the only or the oldest branch; nodes of one branch have the same.
	Branch int `json:"branch"`
	// Behind is true for a node whose best block has others above it.
	Behind bool `json:"behind,omitempty"`
	// Heard is true when the node itself announces its blocks to the plugin.
	Heard bool `json:"heard,omitempty"`
}

// Tips follows the best blocks of the nodes of a network, by what the operator reports and by what the nodes announce.
type Tips struct {
	blocks map[string]block
	order  []string
	nodes  map[int]*nodeTip
	// branches are the tips of the branches, by number.
	branches map[int]string
}

type block struct {
	previous string
	height   int64
	// counted is true when the height is known.
	counted bool
}

type nodeTip struct {
	hash     string
	height   int64
	reported string
	heard    bool
	at       time.Time
	// announced are the latest blocks that the node announced.
	announced []string
}

// NewTips returns a tracker that knows no node.
func NewTips() *Tips {
	return &Tips{blocks: map[string]block{}, nodes: map[int]*nodeTip{}, branches: map[int]string{}}
}

// Bytes is about what the blocks need in memory.
func (t *Tips) Bytes() int { return bytesOfBlock * len(t.blocks) }

// Report takes over the status of a network.
func (t *Tips) Report(status []v1.NodeStatus, now time.Time) {
	exists := map[int]bool{}
	for i := range status {
		s := &status[i]
		ordinal := int(s.Ordinal)
		exists[ordinal] = true
		n := t.node(ordinal)
		if s.BestBlockHash == "" || s.BestBlockHash == n.reported {
			continue
		}
		n.reported = s.BestBlockHash
		t.learn(s.BestBlockHash, "", s.Blocks)
		if n.heard && slices.Contains(n.announced, s.BestBlockHash) && now.Sub(n.at) < stale {
			continue // from before the block that the node announced last
		}
		n.hash, n.height = s.BestBlockHash, s.Blocks
	}
	for ordinal := range t.nodes {
		if !exists[ordinal] {
			delete(t.nodes, ordinal)
		}
	}
}

// Announce takes over a block that a node announced as its best one, and reports whether it is new for the node.
func (t *Tips) Announce(ordinal int, hash, previous string, now time.Time) bool {
	n := t.node(ordinal)
	t.learn(hash, previous, -1)
	n.at = now
	if n.hash == hash {
		return false
	}
	n.hash, n.height = hash, t.blocks[hash].height
	if n.announced = append(n.announced, hash); len(n.announced) > 64 {
		n.announced = slices.Clone(n.announced[32:])
	}
	return true
}

// Learn takes over a block and the one before.
func (t *Tips) Learn(hash, previous string) { t.learn(hash, previous, -1) }

// Best is the best block that is known of a node, empty for none.
func (t *Tips) Best(ordinal int) string {
	if n := t.nodes[ordinal]; n != nil {
		return n.hash
	}
	return ""
}

// Hears sets whether a node announces its blocks to the plugin.
func (t *Tips) Hears(ordinal int, heard bool) { t.node(ordinal).heard = heard }

// Height is that of a block, 0 if it is not known.
func (t *Tips) Height(hash string) int64 { return t.blocks[hash].height }

func (t *Tips) node(ordinal int) *nodeTip {
	if t.nodes[ordinal] == nil {
		t.nodes[ordinal] = &nodeTip{}
	}
	return t.nodes[ordinal]
}

// learn takes over a block; a height below 0 is not known.
func (t *Tips) learn(hash, previous string, height int64) {
	b, known := t.blocks[hash]
	if previous != "" {
		b.previous = previous
	}
	if before := t.blocks[b.previous]; height < 0 && !b.counted && before.counted {
		height = before.height + 1
	}
	if height >= 0 {
		b.height, b.counted = height, true
	}
	t.blocks[hash] = b
	if known {
		return
	}
	if t.order = append(t.order, hash); len(t.order) > 2*maxBlocks {
		for _, old := range t.order[:maxBlocks] {
			delete(t.blocks, old)
		}
		t.order = slices.Clone(t.order[maxBlocks:])
	}
}

// follows reports whether one block is above another one on its branch, as far as the blocks between are known.
func (t *Tips) follows(hash, ancestor string) bool {
	for range maxWalk {
		b, known := t.blocks[hash]
		if !known || b.previous == "" {
			return false
		}
		if hash = b.previous; hash == ancestor {
			return true
		}
	}
	return false
}

// Nodes are the best blocks of all nodes. competing is how many branches the operator sees: with one, a node with another block is behind,
// also when the blocks between are not known.
func (t *Tips) Nodes(competing int32) map[int]Tip {
	tops := t.tops(competing)
	t.number(tops)
	result := make(map[int]Tip, len(t.nodes))
	for ordinal, n := range t.nodes {
		if n.hash == "" {
			continue
		}
		tip := Tip{Hash: n.hash, Height: n.height, Heard: n.heard}
		if tip.Height == 0 {
			tip.Height = t.blocks[n.hash].height
		}
		top := n.hash
		if !slices.Contains(tops, n.hash) {
			tip.Behind, top = true, tops[0]
			for _, other := range tops {
				if t.follows(other, n.hash) {
					top = other
					break
				}
			}
		}
		for number, hash := range t.branches {
			if hash == top {
				tip.Branch = number
			}
		}
		result[ordinal] = tip
	}
	return result
}

// tops are the best blocks that no other node has blocks above of, the highest first.
func (t *Tips) tops(competing int32) []string {
	var hashes []string
	for _, n := range t.nodes {
		if n.hash != "" && !slices.Contains(hashes, n.hash) {
			hashes = append(hashes, n.hash)
		}
	}
	slices.SortFunc(hashes, func(a, b string) int {
		if d := t.blocks[b].height - t.blocks[a].height; d != 0 {
			return int(d)
		}
		if a < b {
			return -1
		}
		return 1
	})
	var tops []string
	for _, hash := range hashes {
		behind := slices.ContainsFunc(tops, func(top string) bool {
			return t.follows(top, hash) || competing <= 1 && t.blocks[hash].height < t.blocks[top].height && !t.forked(top, hash)
		})
		if !behind {
			tops = append(tops, hash)
		}
	}
	return tops
}

// forked reports whether two blocks are known to be on different branches.
func (t *Tips) forked(higher, lower string) bool {
	at := t.blocks[lower].height
	for range maxWalk {
		b, known := t.blocks[higher]
		if !known || b.height <= at {
			return known && b.height == at && higher != lower
		}
		higher = b.previous
	}
	return false
}

// number keeps the number of each branch while blocks are mined on it; the only branch is number 0.
func (t *Tips) number(tops []string) {
	if len(tops) == 1 {
		t.branches = map[int]string{0: tops[0]}
		return
	}
	numbered := map[int]string{}
	taken := map[string]bool{}
	numbers := make([]int, 0, len(t.branches))
	for number := range t.branches {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		for _, top := range tops {
			if old := t.branches[number]; !taken[top] && (top == old || t.follows(top, old)) {
				numbered[number], taken[top] = top, true
				break
			}
		}
	}
	next := 0
	for _, top := range tops {
		for ; !taken[top]; next++ {
			if _, used := numbered[next]; !used {
				numbered[next], taken[top] = top, true
			}
		}
	}
	t.branches = numbered
}
