package ledger

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
)

// account has keys of its own for each number.
func account(t *testing.T, number byte) *Account {
	t.Helper()
	master, err := hdkeychain.NewMaster(make([]byte, 31+int(number)), &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAccount(master.String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// book is a ledger of accounts with some coins each.
func book(t *testing.T, accounts, coins int, value amount.Satoshis) *Ledger {
	t.Helper()
	var list []*Account
	for i := range accounts {
		list = append(list, account(t, byte(i)))
	}
	l := New(list, coins)
	for i, a := range list {
		for n := range coins {
			l.Add(Found{wire.OutPoint{Hash: chainhash.Hash{byte(i), byte(n), 1}, Index: 7}, value, a.receive[n%Keys].script})
		}
	}
	return l
}

func payment(from, to int, value amount.Satoshis) Payment {
	return Payment{From: from, To: to, Value: value, FeeRate: 10, Random: rand.IntN}
}

// pays makes a payment, and checks it as bitcoind does: its scripts, its fee and its change.
func pays(t *testing.T, l *Ledger, p Payment) *Tx {
	t.Helper()
	tx, err := l.Pay(p)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, tx, p.FeeRate)
	return tx
}

func valid(t *testing.T, tx *Tx, rate int) {
	t.Helper()
	previous, in, out := map[wire.OutPoint]*wire.TxOut{}, int64(0), int64(0)
	for _, c := range tx.inputs {
		previous[c.OutPoint] = wire.NewTxOut(int64(c.Value), c.key.script)
		in += int64(c.Value)
	}
	fetcher := txscript.NewMultiPrevOutFetcher(previous)
	hashes := txscript.NewTxSigHashes(tx.Msg, fetcher)
	for i, c := range tx.inputs {
		engine, err := txscript.NewEngine(c.key.script, tx.Msg, i, txscript.StandardVerifyFlags, nil, hashes, int64(c.Value), fetcher)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			t.Fatalf("input %d: %v", i, err)
		}
	}
	for _, o := range tx.Msg.TxOut {
		out += o.Value
	}
	weight := 3*tx.Msg.SerializeSizeStripped() + tx.Msg.SerializeSize()
	size := int64(weight+3) / 4
	if fee := in - out; fee < size*int64(rate) || fee > (size+int64(len(tx.inputs))+2+weightOutput/4)*int64(rate)+int64(minChange) {
		t.Errorf("the fee of %d bytes is %d, at %d for each", size, fee, rate)
	}
}

func TestKeysAreThoseOfBIP84(t *testing.T) {
	// The seed of BIP 84's test vector, "abandon … about"; the witness programs do not depend on the network, but the coin type does:
	// these are for 1, as bitcoind's deriveaddresses prints them.
	const master = "tprv8ZgxMBicQKsPe5YMU9gHen4Ez3ApihUfykaqUorj9t6FDqy3nP6eoXiAo2ssvpAjoLroQxHqr3R5nE3a5dU3DHTjTgJDd7zrbniJr6nrCzd"
	a, err := NewAccount(master)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk", 1: "bcrt1qd7spv5q28348xl4myc8zmh983w5jx32cs707jh"} {
		if got := a.receive[i].address; got != want {
			t.Errorf("address %d is %s, and should be %s", i, got, want)
		}
	}
	if got := a.change[0].address; got != "bcrt1q9u62588spffmq4dzjxsr5l297znf3z6jkgnhsw" {
		t.Errorf("the first address for change is %s", got)
	}
	if _, err := NewAccount("nonsense"); err == nil {
		t.Error("nonsense is accepted as a key")
	}
}

func TestAPaymentIsSignedAndPaysItsFee(t *testing.T) {
	l := book(t, 2, 3, amount.Coin)
	tx := pays(t, l, payment(0, 1, 50_000))
	if len(tx.outputs) != 2 || len(tx.inputs) != 1 || tx.Internal || l.Counts() != (Counts{Sent: 1, Pending: 1}) {
		t.Errorf("it has %d inputs and %d outputs; %+v", len(tx.inputs), len(tx.outputs), l.Counts())
	}
	if l.Tx(tx.ID) != tx || len(l.Pending()) != 1 {
		t.Error("the transaction is not known")
	}
	// Several coins where one does not suffice; then none.
	big := pays(t, l, payment(0, 1, 2*amount.Coin))
	if len(big.inputs) != 3 {
		t.Errorf("it has %d inputs", len(big.inputs))
	}
	if _, err := l.Pay(payment(0, 1, 2*amount.Coin)); !errors.Is(err, ErrNoCoins) {
		t.Errorf("without coins the error is %v", err)
	}
	// No change that would be dust.
	exact := pays(t, l, payment(1, 0, amount.Coin-fee(1, 2, 10)-minChange+1))
	if len(exact.outputs) != 1 {
		t.Errorf("it has %d outputs", len(exact.outputs))
	}
}

// What another node has to have before is not spent before it is confirmed, and chains end before bitcoind rejects them.
func TestChainsOfUnconfirmedTransactionsAreBounded(t *testing.T) {
	l := book(t, 2, 1, amount.Coin)
	var last *Tx
	for {
		tx, err := l.Pay(payment(0, 1, 20_000))
		if errors.Is(err, ErrNoCoins) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && (len(tx.inputs) != 1 || tx.inputs[0].parent != last) {
			t.Error("it does not spend the change of the one before")
		}
		last = tx
	}
	if len(l.Pending()) != maxAncestors+1 || len(l.Pending()) > 20 { // bitcoind's limit is 25
		t.Errorf("the chain has %d transactions", len(l.Pending()))
	}
	for range maxAncestors + 1 { // the other account has its own coin, and none of those that it received
		pays(t, l, payment(1, 0, 10_000))
	}
	if _, err := l.Pay(payment(1, 0, 10_000)); !errors.Is(err, ErrNoCoins) {
		t.Errorf("a coin that is not confirmed is spent by another account: %v", err)
	}
	var ids []chainhash.Hash
	for _, tx := range l.Pending() {
		ids = append(ids, tx.ID)
	}
	l.Connect(chainhash.Hash{1}, ids)
	if coins, _ := l.Has(1); coins != 1+maxAncestors+1 {
		t.Errorf("with the block the account has %d coins", coins)
	}
	if counts := l.Counts(); counts.Pending != 0 || counts.Confirmed != 2*(maxAncestors+1) || len(l.Pending()) != 0 {
		t.Errorf("the counts are %+v", counts)
	}
}

func TestCoinsDoNotBecomeMore(t *testing.T) {
	l := book(t, 3, 20, amount.Coin/50)
	for n := range keptBlocks + 20 {
		var ids []chainhash.Hash
		for i := range 12 {
			tx, err := l.Pay(payment(i%3, (i+1)%3, 10_000+amount.Satoshis(rand.IntN(90_000))))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, tx.ID)
		}
		l.Connect(chainhash.Hash{byte(n), byte(n >> 8), 9}, ids)
	}
	for i := range 3 {
		if coins, value := l.Has(i); coins > 40 || value < 20*amount.Coin/50/2 {
			t.Errorf("account %d has %d coins with %s", i, coins, value)
		}
	}
	if counts := l.Counts(); counts.Confirmed != 12*(keptBlocks+20) || len(l.txs) > 12*keptBlocks || len(l.coins) > 24*(keptBlocks+10) {
		t.Errorf("the counts are %+v; %d transactions and %d coins are kept", counts, len(l.txs), len(l.coins))
	}
}

func TestAReorganisationMakesTransactionsPendingAgain(t *testing.T) {
	l := book(t, 2, 2, amount.Coin)
	first := pays(t, l, payment(0, 1, 20_000))
	l.Connect(chainhash.Hash{1}, nil)
	l.Connect(chainhash.Hash{2}, []chainhash.Hash{first.ID, {99}})
	second := pays(t, l, payment(0, 1, 30_000))
	if tip, ok := l.Tip(); !ok || tip != (chainhash.Hash{2}) || !l.Follows(chainhash.Hash{1}) || first.State != Confirmed {
		t.Fatalf("the tip is %s, the transaction %d", tip, first.State)
	}
	l.Disconnect()
	if first.State != Pending || l.Counts() != (Counts{Sent: 2, Pending: 2}) || l.Follows(chainhash.Hash{2}) {
		t.Errorf("it is %d: %+v", first.State, l.Counts())
	}
	if pending := l.Pending(); len(pending) != 2 || pending[0] != first || pending[1] != second {
		t.Error("the pending ones are not in their order")
	}
	l.Connect(chainhash.Hash{3}, []chainhash.Hash{second.ID, first.ID})
	if l.Counts() != (Counts{Sent: 2, Confirmed: 2}) {
		t.Errorf("%+v", l.Counts())
	}
}

func TestARejectedTransactionTakesItsChildrenWithIt(t *testing.T) {
	l := book(t, 2, 1, amount.Coin)
	parent := pays(t, l, payment(0, 1, 20_000))
	child := pays(t, l, payment(0, 1, 20_000))
	if rejected := l.Reject(parent, true); rejected != 2 || child.State != Rejected || l.Counts() != (Counts{Sent: 2, Rejected: 2}) {
		t.Errorf("%d are rejected: %+v", rejected, l.Counts())
	}
	again := pays(t, l, payment(0, 1, 20_000)) // its coin can be spent again
	if again.inputs[0] != parent.inputs[0] {
		t.Error("another coin is spent")
	}
	if l.Reject(again, false) != 1 || l.Reject(again, false) != 0 {
		t.Error("it is not rejected once")
	}
	if _, err := l.Pay(payment(0, 1, 20_000)); !errors.Is(err, ErrNoCoins) {
		t.Errorf("a coin that something else has spent is spent: %v", err)
	}
	l.Connect(chainhash.Hash{1}, []chainhash.Hash{again.ID}) // a miner has taken it all the same
	if l.Counts() != (Counts{Sent: 3, Confirmed: 1, Rejected: 2}) {
		t.Errorf("%+v", l.Counts())
	}
	pays(t, l, payment(0, 1, 20_000))
}

func TestSplitMakesCoinsThatAreNotCounted(t *testing.T) {
	l := book(t, 1, 2, amount.Coin)
	tx, err := l.Split(0, 300, amount.Coin/200, 10)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, tx, 10)
	if !tx.Internal || l.Counts() != (Counts{}) || len(tx.outputs) != 301 {
		t.Errorf("%d outputs: %+v", len(tx.outputs), l.Counts())
	}
	if _, err := l.Split(0, 300, amount.Coin, 10); !errors.Is(err, ErrNoCoins) {
		t.Errorf("without coins: %v", err)
	}
	l.Connect(chainhash.Hash{1}, []chainhash.Hash{tx.ID})
	if coins, _ := l.Has(0); coins != 301 {
		t.Errorf("it has %d coins", coins)
	}
	l.Add(Found{tx.outputs[0].OutPoint, 1, tx.outputs[0].key.script}) // known
	l.Add(Found{wire.OutPoint{Hash: chainhash.Hash{5}}, 1, []byte{0x51}})
	if coins, _ := l.Has(0); coins != 301 {
		t.Errorf("it has %d coins after others", coins)
	}
}

func TestACoinOfARejectedTransactionIsSpentAgainWhenBitcoindHasIt(t *testing.T) {
	l := book(t, 2, 3, amount.Coin)
	tx := pays(t, l, payment(0, 1, 2*amount.Coin)) // needs all three
	if l.Reject(tx, false) != 1 {
		t.Fatal("it is not rejected")
	}
	if _, err := l.Pay(payment(0, 1, 20_000)); !errors.Is(err, ErrNoCoins) {
		t.Errorf("a coin that something else may have spent is spent: %v", err)
	}
	kept := tx.inputs[1]
	l.Add(Found{kept.OutPoint, kept.Value, kept.key.script})
	l.Add(Found{kept.OutPoint, kept.Value, kept.key.script})
	again := pays(t, l, payment(0, 1, 20_000))
	if len(again.inputs) != 1 || again.inputs[0] != kept {
		t.Errorf("%d other coins are spent", len(again.inputs))
	}
	l.Add(Found{kept.OutPoint, kept.Value, kept.key.script}) // of a search that began before
	if _, err := l.Pay(payment(0, 1, amount.Coin)); !errors.Is(err, ErrNoCoins) {
		t.Errorf("a coin is spent twice: %v", err)
	}
}
