package ledger

import (
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
)

const (
	// The inputs of a payment, and of a transaction that splits coins.
	maxInputs, maxSplitInputs = 20, 200
	// minChange is more than the output that bitcoind takes for dust; less is left to the fee.
	minChange amount.Satoshis = 1000

	// The weights of a transaction's parts, for inputs and outputs of witness key hashes (BIP 141).
	weightInput  = 4*(32+4+1+4) + 1 + 1 + 72 + 1 + 33
	weightOutput = 4 * (8 + 1 + 22)
	weightRest   = 4*(4+1+3+4) + 2
)

// fee is what a transaction of this size pays; it is at least the rate.
func fee(inputs, outputs, rate int) amount.Satoshis {
	size := (weightRest + inputs*weightInput + outputs*weightOutput + 3) / 4
	return amount.Satoshis(size * rate)
}

// Fee is what a payment with two inputs pays at a rate.
func Fee(rate int) amount.Satoshis { return fee(2, 2, rate) }

// output is one to be.
type output struct {
	account int
	key     *key
	value   amount.Satoshis
	// change may be spent before it is confirmed: the node that has the parent gets its child too. Other outputs are not, so that an
	// unconfirmed transaction has one child at most.
	change bool
}

// order is what coins are gathered for.
type order struct {
	account          int
	value            amount.Satoshis
	outputs, feeRate int
	// most inputs.
	most int
}

func (o order) total(inputs int) amount.Satoshis { return o.value + fee(inputs, o.outputs, o.feeRate) }

// Payment describes a transaction.
type Payment struct {
	From, To int
	Value    amount.Satoshis
	// FeeRate is in satoshis for each virtual byte.
	FeeRate int
	// Random returns a number below its argument.
	Random func(int) int
}

// Pay makes a payment of one account to another. Error: ErrNoCoins.
func (l *Ledger) Pay(p Payment) (*Tx, error) {
	inputs, sum, ok := l.gather(order{p.From, p.Value, 2, p.FeeRate, maxInputs})
	if !ok {
		return nil, ErrNoCoins
	}
	outputs := []output{{p.To, l.accounts[p.To].receive[p.Random(Keys)], p.Value, false}}
	if change := sum - p.Value - fee(len(inputs), 2, p.FeeRate); change >= minChange {
		outputs = append(outputs, output{p.From, l.accounts[p.From].change[p.Random(Keys)], change, true})
		if at := p.Random(2); at == 0 {
			outputs[0], outputs[1] = outputs[1], outputs[0]
		}
	}
	tx, err := l.make(p.From, inputs, outputs)
	if err == nil {
		l.counts.Sent++
		l.counts.Pending++
	}
	return tx, err
}

// Split makes coins of one value for an account. Error: ErrNoCoins.
func (l *Ledger) Split(account, coins int, value amount.Satoshis, feeRate int) (*Tx, error) {
	inputs, sum, ok := l.gather(order{account, value * amount.Satoshis(coins), coins + 1, feeRate, maxSplitInputs})
	if !ok {
		return nil, ErrNoCoins
	}
	var outputs []output
	for i := range coins {
		outputs = append(outputs, output{account, l.accounts[account].receive[i%Keys], value, false})
	}
	if change := sum - value*amount.Satoshis(coins) - fee(len(inputs), coins+1, feeRate); change >= minChange {
		outputs = append(outputs, output{account, l.accounts[account].change[0], change, true})
	}
	tx, err := l.make(account, inputs, outputs)
	if err == nil {
		tx.Internal = true
	}
	return tx, err
}

// gather takes coins of an account for a value and the fee. If they do not suffice, they stay where they were.
func (l *Ledger) gather(o order) (coins []*Coin, sum amount.Satoshis, ok bool) {
	ancestors := 0
	take := func() bool {
		c := l.next(o.account, maxAncestors-ancestors)
		if c == nil {
			return false
		}
		coins, sum, ancestors = append(coins, c), sum+c.Value, ancestors+c.ancestors()
		return true
	}
	for len(coins) < o.most && take() {
		if sum < o.total(len(coins)) {
			continue
		}
		// Payments make two coins of one: without this, coins would become more and smaller.
		if len(l.ready[o.account]) > l.target && len(coins) < o.most {
			take()
		}
		return coins, sum, true
	}
	for _, c := range coins {
		l.enqueue(c)
	}
	return nil, 0, false
}

// make builds and signs a transaction.
func (l *Ledger) make(from int, inputs []*Coin, outputs []output) (*Tx, error) {
	msg := wire.NewMsgTx(2)
	previous := map[wire.OutPoint]*wire.TxOut{}
	for _, c := range inputs {
		msg.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
		previous[c.OutPoint] = wire.NewTxOut(int64(c.Value), c.key.script)
	}
	for _, o := range outputs {
		msg.AddTxOut(wire.NewTxOut(int64(o.value), o.key.script))
	}
	hashes := txscript.NewTxSigHashes(msg, txscript.NewMultiPrevOutFetcher(previous))
	for i, c := range inputs {
		witness, err := txscript.WitnessSignature(msg, hashes, i, int64(c.Value), c.key.script, txscript.SigHashAll, c.key.private, true)
		if err != nil {
			return nil, err
		}
		msg.TxIn[i].Witness = witness
	}
	tx := &Tx{Msg: msg, ID: msg.TxHash(), From: from, inputs: inputs}
	for _, c := range inputs {
		c.spender = tx
		tx.ancestors += c.ancestors()
	}
	for i, o := range outputs {
		c := &Coin{OutPoint: wire.OutPoint{Hash: tx.ID, Index: uint32(i)}, Value: o.value, account: o.account, key: o.key, parent: tx} //nolint:gosec // a small number
		tx.outputs = append(tx.outputs, l.addCoin(c))
		if o.change {
			l.enqueue(c)
		}
	}
	l.txs[tx.ID] = tx
	l.pending = append(l.pending, tx)
	return tx, nil
}
