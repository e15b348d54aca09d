// Package ledger has the coins of some wallets, whose keys it knows, makes transactions of them, and keeps what became of each. It is pure:
// it has no client, no clock, and no randomness of its own. What bitcoind reports about coins and blocks is passed in.
package ledger

import (
	"errors"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
)

// ErrNoCoins means that a wallet has no coins that can be spent now.
var ErrNoCoins = errors.New("the wallet has no coins that can be spent now")

const (
	// maxAncestors bounds chains of unconfirmed transactions, of which bitcoind accepts 25 by default.
	maxAncestors = 15
	// keptBlocks are those whose transactions are still known, because a reorganisation may replace them.
	keptBlocks = 150
)

// State is what became of a transaction.
type State int

// The states of a transaction.
const (
	Pending State = iota
	Confirmed
	Rejected
)

// Coin is an output of an account.
type Coin struct {
	OutPoint wire.OutPoint
	Value    amount.Satoshis

	account int
	key     *key
	// parent is nil for a coin that bitcoind reported to be in the chain.
	parent *Tx
	// spender is the transaction that spends it, nil if none does.
	spender *Tx
	// queued is true while the coin is in one of the account's queues.
	queued bool
}

func (c *Coin) confirmed() bool { return c.parent == nil || c.parent.State == Confirmed }

// ancestors is the number of unconfirmed transactions that a spender of the coin needs.
func (c *Coin) ancestors() int {
	if c.confirmed() {
		return 0
	}
	return c.parent.ancestors + 1
}

// Tx is a transaction of the ledger.
type Tx struct {
	Msg  *wire.MsgTx
	ID   chainhash.Hash
	From int
	// Internal transactions prepare coins, and are not counted.
	Internal bool
	State    State
	// Misses is for the caller: how often it has searched for the transaction in vain.
	Misses int

	inputs, outputs []*Coin
	ancestors       int
}

// Root reports whether all its inputs are confirmed.
func (t *Tx) Root() bool {
	return !slices.ContainsFunc(t.inputs, func(c *Coin) bool { return !c.confirmed() })
}

// block is one of the chain that the ledger follows.
type block struct {
	hash chainhash.Hash
	txs  []*Tx
}

// Ledger is not safe for concurrent use.
type Ledger struct {
	accounts []*Account
	// target is the number of coins that each account keeps: above it, a payment spends one more.
	target int
	owners map[string]owner
	coins  map[wire.OutPoint]*Coin
	// ready are confirmed coins, chained others; entries may be out of date.
	ready, chained [][]*Coin
	txs            map[chainhash.Hash]*Tx
	// pending are in the order in which they were created; entries may be out of date.
	pending []*Tx
	blocks  []block
	counts  Counts
}

type owner struct {
	account int
	key     *key
}

// Counts are the transactions that are not internal.
type Counts struct{ Sent, Confirmed, Rejected, Pending int64 }

// New returns a ledger without coins.
func New(accounts []*Account, target int) *Ledger {
	l := &Ledger{
		accounts: accounts, target: target, owners: map[string]owner{}, coins: map[wire.OutPoint]*Coin{}, txs: map[chainhash.Hash]*Tx{},
		ready: make([][]*Coin, len(accounts)), chained: make([][]*Coin, len(accounts)),
	}
	for i, account := range accounts {
		for _, k := range slices.Concat(account.receive, account.change) {
			l.owners[string(k.script)] = owner{i, k}
		}
	}
	return l
}

// Found is a coin in the chain, as bitcoind reports it.
type Found struct {
	OutPoint wire.OutPoint
	Value    amount.Satoshis
	Script   []byte
}

// Add adds a coin, unless it is known or belongs to no account. A known one can be spent again if its spender was rejected: one of several
// coins was spent by something else, and which one is not known.
func (l *Ledger) Add(found Found) {
	to, ours := l.owners[string(found.Script)]
	known := l.coins[found.OutPoint]
	if known != nil && known.spender != nil && known.spender.State == Rejected {
		known.spender = nil
		l.enqueue(known)
	}
	if known != nil || !ours {
		return
	}
	l.enqueue(l.addCoin(&Coin{OutPoint: found.OutPoint, Value: found.Value, account: to.account, key: to.key}))
}

func (l *Ledger) addCoin(c *Coin) *Coin {
	l.coins[c.OutPoint] = c
	return c
}

// Has is the number of confirmed coins of an account that nothing spends, and their value.
func (l *Ledger) Has(account int) (coins int, value amount.Satoshis) {
	for _, c := range l.ready[account] {
		if c.spender == nil && c.confirmed() {
			coins++
			value += c.Value
		}
	}
	return coins, value
}

func (l *Ledger) enqueue(c *Coin) {
	if c.queued {
		return
	}
	c.queued = true
	queue := &l.chained[c.account]
	if c.confirmed() {
		queue = &l.ready[c.account]
	}
	*queue = append(*queue, c)
}

// next takes a coin: the oldest confirmed one, or else an unconfirmed one with few enough ancestors.
func (l *Ledger) next(account, ancestorsLeft int) *Coin {
	for queue := &l.ready[account]; len(*queue) > 0; {
		c := (*queue)[0]
		*queue = (*queue)[1:]
		c.queued = false
		switch {
		case !usable(c):
		case c.confirmed():
			return c
		default: // a reorganisation
			l.enqueue(c)
		}
	}
	return l.nextChained(account, ancestorsLeft)
}

func (l *Ledger) nextChained(account, ancestorsLeft int) *Coin {
	kept := l.chained[account][:0]
	var found *Coin
	for _, c := range l.chained[account] {
		switch {
		case !usable(c):
			c.queued = false
		case found == nil && c.ancestors() <= ancestorsLeft:
			c.queued = false
			found = c
		default:
			kept = append(kept, c)
		}
	}
	l.chained[account] = kept
	return found
}

// usable reports whether a coin can be spent, now or once it is confirmed.
func usable(c *Coin) bool {
	return c.spender == nil && (c.parent == nil || c.parent.State != Rejected)
}

// Counts are those of now.
func (l *Ledger) Counts() Counts { return l.counts }

// Tx returns a transaction by its hash, nil if the ledger has not created it or has forgotten it.
func (l *Ledger) Tx(id chainhash.Hash) *Tx { return l.txs[id] }

// Pending returns the transactions that are neither confirmed nor rejected, parents first.
func (l *Ledger) Pending() []*Tx {
	l.pending = slices.DeleteFunc(l.pending, func(t *Tx) bool { return t.State != Pending })
	return slices.Clone(l.pending)
}
