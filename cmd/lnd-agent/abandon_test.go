//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// minersKey is a private key, and minersDescriptor that of its address.
const (
	minersKey        = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
	minersDescriptor = "wpkh(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)"
)

// After a reorganisation, another transaction spends the coins of a channel that is not confirmed. Both ends keep the channel, until each
// is asked to forget it.
func TestARealLNDForgetsAChannelWhoseFundingTransactionIsLost(t *testing.T) {
	p := newPair(t)
	p.connect()
	miner := p.miner()
	competing := p.fundTwice(miner)
	channel := api.NewChannel{Memo: "uid/0-1-0", Capacity: 1_000_000, Push: 200_000}
	p.open(channel)
	p.untilState(channel.Memo, api.PendingOpen)
	lost, _ := p.channel(channel.Memo)
	if !p.chain.has(lost.Point) {
		t.Fatal("bitcoind does not have the funding transaction")
	}
	best := p.chain.text("getbestblockhash")
	p.chain.must("invalidateblock", nil, best)
	p.chain.must("generateblock", nil, miner, []string{competing})
	p.chain.mine(30, miner)
	p.synced()
	if a, b := p.channel(channel.Memo); p.chain.has(lost.Point) || a.State != api.PendingOpen || b.State != api.PendingOpen {
		t.Fatalf("the transaction exists, or they forget it by themselves: %+v, %+v", a, b)
	}
	for _, l := range []*realLND{p.b, p.a} {
		if err := l.client.CloseChannel(l.deadline(), l.at, api.Close{Point: lost.Point, Abandon: true}); err != nil {
			t.Fatal(err)
		}
		l.until("it has no channel", func(s api.State) bool { return s.Channels != nil && len(s.Channels) == 0 })
	}
	if got := p.open(channel); len(got.Opened) != 1 || got.Opened[0].Point == lost.Point {
		t.Fatalf("opened again: %+v", got)
	}
	p.chain.mine(6, miner)
	p.untilUsable(channel.Memo, true)
	// Also after a restart, for which LND sends again what it has not seen in a block.
	p.restart(channel.Memo)
	if s := p.a.state(); len(s.Channels) != 1 || p.chain.has(lost.Point) {
		t.Errorf("after a restart: %+v", s.Channels)
	}
	p.forgetAtOneEnd(api.NewChannel{Memo: "uid/0-1-1", Capacity: 500_000}, miner)
}

// miner is the address of the key.
func (p *pair) miner() string {
	p.t.Helper()
	var info struct{ Descriptor string }
	var addresses []string
	p.chain.must("getdescriptorinfo", &info, minersDescriptor)
	p.chain.must("deriveaddresses", &addresses, info.Descriptor)
	return addresses[0]
}

// fundTwice gives the first LND a coin that is larger than its others, and that it spends first therefore. It returns another transaction
// that spends the same coins of the miner.
func (p *pair) fundTwice(miner string) (competing string) {
	p.t.Helper()
	type input struct {
		TxID string `json:"txid"`
		Vout int    `json:"vout"`
	}
	var inputs []input
	var hashes []string
	p.chain.must("generatetoaddress", &hashes, 2, miner)
	for _, hash := range hashes {
		var block struct{ Tx []string }
		p.chain.must("getblock", &block, hash)
		inputs = append(inputs, input{block.Tx[0], 0})
	}
	p.chain.mine(100, miner)
	spend := func(to string, amount float64) string {
		var signed struct{ Hex string }
		p.chain.must("signrawtransactionwithkey", &signed, p.chain.text("createrawtransaction", inputs, map[string]float64{to: amount}), []string{minersKey})
		return signed.Hex
	}
	competing = spend(miner, 99.99)
	p.chain.must("sendrawtransaction", nil, spend(p.address, 99.999))
	p.synced()
	before := p.a.state().Wallet.Confirmed
	p.chain.mine(1, miner)
	p.synced()
	p.a.until("it has the coin", func(s api.State) bool { return s.Wallet != nil && s.Wallet.Confirmed >= before+99_0000_0000 })
	return competing
}

func (b *bitcoind) must(method string, result any, params ...any) {
	b.t.Helper()
	if err := b.call(method, result, params...); err != nil {
		b.t.Fatal(err)
	}
}

// text is a result that is one.
func (b *bitcoind) text(method string, params ...any) (text string) {
	b.t.Helper()
	b.must(method, &text, params...)
	return text
}

// has reports whether the chain or the mempool has an output that is not spent.
func (b *bitcoind) has(point string) bool {
	b.t.Helper()
	transaction, output, _ := strings.Cut(point, ":")
	index := 0
	if _, err := fmt.Sscan(output, &index); err != nil {
		b.t.Fatal(err)
	}
	var found any
	b.must("gettxout", &found, transaction, index, true)
	return found != nil
}
