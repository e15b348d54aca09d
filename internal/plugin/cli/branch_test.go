package cli

import (
	"fmt"
	"strconv"
)

// disconnect leaves the branch of a block that is invalid now, as bitcoind does: the transactions of ten blocks are in the mempool then, and the
// best branch is the highest one that is valid.
func (n *nodes) disconnect(at *node) {
	for kept := 10; n.rejects(at, at.best); kept-- {
		if b := n.blocks[at.best]; kept > 0 {
			at.mempool = append(at.mempool, b.txs...)
		}
		at.best = n.blocks[at.best].previous
	}
	n.activateBest(at)
}

// activateBest makes the node follow the highest branch that is valid. It knows all blocks.
func (n *nodes) activateBest(at *node) {
	for hash, b := range n.blocks {
		if b.height > n.blocks[at.best].height && !n.rejects(at, hash) {
			at.best = hash
		}
	}
}

// tips are the ends of all branches.
func (n *nodes) tips(at *node) (tips []map[string]any) {
	within := map[string]bool{}
	for _, b := range n.blocks {
		within[b.previous] = true
	}
	for hash, b := range n.blocks {
		if within[hash] {
			continue
		}
		shared := min(b.height, n.blocks[at.best].height)
		for n.ancestor(b, shared) != n.ancestor(n.blocks[at.best], shared) {
			shared--
		}
		tips = append(tips, map[string]any{"height": b.height, "hash": hash, "branchlen": b.height - shared})
	}
	return tips
}

func (n *nodes) ancestor(b *block, height int64) *block {
	for b.height > height {
		b = n.blocks[b.previous]
	}
	return b
}

func (n *nodes) generate(at *node, args []string) (string, int, string) {
	number, err := strconv.Atoi(args[1])
	if err != nil {
		return "", -3, "JSON value of type string is not of expected type number"
	}
	var hashes []string
	for range number {
		n.next++
		b := &block{hash: fmt.Sprintf("%064x", n.next), previous: at.best, address: args[2], height: n.blocks[at.best].height + 1, txs: at.mempool}
		at.mempool = nil
		n.blocks[b.hash] = b
		at.best = b.hash
		hashes = append(hashes, b.hash)
	}
	n.sync()
	return toJSON(hashes), 0, ""
}
