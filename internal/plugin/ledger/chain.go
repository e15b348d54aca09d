package ledger

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Tip is the last block that was connected; false before the first.
func (l *Ledger) Tip() (chainhash.Hash, bool) {
	if len(l.blocks) == 0 {
		return chainhash.Hash{}, false
	}
	return l.blocks[len(l.blocks)-1].hash, true
}

// Begin starts the chain with a block, unless the ledger has transactions: only these can be in the blocks before it. It reports whether
// it did.
func (l *Ledger) Begin(hash chainhash.Hash) bool {
	if len(l.txs) > 0 {
		return false
	}
	l.blocks = []block{{hash: hash}}
	return true
}

// Follows reports whether the chain has a block.
func (l *Ledger) Follows(hash chainhash.Hash) bool {
	return slices.ContainsFunc(l.blocks, func(b block) bool { return b.hash == hash })
}

// Connect adds a block at the end of the chain, with the transactions that it has. Those of the ledger are confirmed.
func (l *Ledger) Connect(hash chainhash.Hash, ids []chainhash.Hash) {
	added := block{hash: hash}
	for _, id := range ids {
		tx := l.txs[id]
		if tx == nil || tx.State == Confirmed {
			continue
		}
		l.move(tx, Confirmed)
		added.txs = append(added.txs, tx)
		for _, c := range tx.inputs {
			c.spender = tx // also if it had been rejected
		}
		for _, c := range tx.outputs {
			if c.spender == nil {
				c.queued = false // of an entry among the unconfirmed ones, which is skipped there
				l.dequeue(c)
				l.enqueue(c)
			}
		}
	}
	l.blocks = append(l.blocks, added)
	if len(l.blocks) > keptBlocks {
		l.forget(l.blocks[0])
		l.blocks = l.blocks[1:]
	}
}

// dequeue removes a coin from the unconfirmed ones.
func (l *Ledger) dequeue(c *Coin) {
	l.chained[c.account] = slices.DeleteFunc(l.chained[c.account], func(other *Coin) bool { return other == c })
}

// Disconnect removes the last block, which is no longer in the best chain. Its transactions are pending again.
func (l *Ledger) Disconnect() {
	last := l.blocks[len(l.blocks)-1]
	l.blocks = l.blocks[:len(l.blocks)-1]
	pending := l.Pending()
	for _, tx := range last.txs {
		l.move(tx, Pending)
		tx.Misses = 0
	}
	// Parents are before children: those of a block were created before those that are pending.
	l.pending = append(slices.Clone(last.txs), pending...)
}

// forget drops the transactions of a block that no reorganisation replaces any more.
func (l *Ledger) forget(b block) {
	for _, tx := range b.txs {
		delete(l.txs, tx.ID)
		for _, c := range tx.inputs {
			delete(l.coins, c.OutPoint)
		}
		for _, c := range tx.outputs {
			c.parent = nil
		}
		tx.inputs, tx.outputs = nil, nil
	}
}

// Reject marks a transaction that bitcoind does not accept, and those that spend its outputs, and returns their number. kept reports
// whether its inputs can still be spent, by another transaction.
func (l *Ledger) Reject(tx *Tx, kept bool) int {
	if tx.State != Pending {
		return 0
	}
	l.move(tx, Rejected)
	rejected := 1
	for _, c := range tx.outputs {
		if c.spender != nil {
			rejected += l.Reject(c.spender, true)
		}
	}
	for _, c := range tx.inputs {
		if kept && (c.parent == nil || c.parent.State != Rejected) {
			c.spender = nil
			l.enqueue(c)
		}
	}
	return rejected
}

// move changes the state of a transaction, and the counts.
func (l *Ledger) move(tx *Tx, to State) {
	from := tx.State
	tx.State = to
	if tx.Internal {
		return
	}
	for _, change := range []struct {
		state State
		by    int64
	}{{from, -1}, {to, 1}} {
		switch change.state {
		case Pending:
			l.counts.Pending += change.by
		case Confirmed:
			l.counts.Confirmed += change.by
		case Rejected:
			l.counts.Rejected += change.by
		}
	}
}
