package cli

import (
	"fmt"
	"strconv"
)

// disconnect returns the transactions of ten blocks to the mempool, as bitcoind does.
func (n *nodes) disconnect(at *node, last string) {
	for kept := 10; at.best != last; kept-- {
		if b := n.blocks[at.best]; kept > 0 {
			at.mempool = append(at.mempool, b.txs...)
		}
		at.best = n.blocks[at.best].previous
	}
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
