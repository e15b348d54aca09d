package faucet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// Maturity is the number of blocks above a block whose reward can be spent.
const Maturity = 100

// fees are more than a payment costs at feeRate, if it has not hundreds of inputs.
const (
	fees    = amount.Coin / 100
	feeRate = "fee_rate=10" // satoshis for each virtual byte
)

// Payment is a transaction of the faucet.
type Payment struct {
	TxID    string          `json:"txid"`
	Address string          `json:"address"`
	Amount  amount.Satoshis `json:"amount"`
	// Mined is how many blocks were mined to have the coins and to confirm the payment.
	Mined int64 `json:"mined"`
	// Block has the transaction; nil while it is in the mempool.
	Block *Tip `json:"block,omitempty"`
}

// CheckAddress rejects what is no address of regtest.
func CheckAddress(address string) error {
	if address == "" {
		return invalid.Errorf("the address is empty: write one of regtest, such as bcrt1q…")
	}
	if err := bitcoind.CheckAddress(address); err != nil {
		return invalid.Errorf("the address %q is not valid on regtest: %s", address, err.Error())
	}
	return nil
}

// Pay sends an amount, and mines the blocks that the wallet needs to have it. The payment is not confirmed afterwards.
func (f *Faucet) Pay(ctx context.Context, address string, value amount.Satoshis) (*Payment, error) {
	own, err := f.Address(ctx)
	if err != nil {
		return nil, err
	}
	mined, err := f.collect(ctx, own, value+fees)
	if err != nil {
		return nil, err
	}
	rate := feeRate
	if f.Fee > 0 {
		rate = fmt.Sprintf("fee_rate=%d", f.Fee)
	}
	txid, err := f.sendOnce(ctx, address, value, rate)
	if err != nil {
		return nil, err
	}
	return &Payment{TxID: txid, Address: address, Amount: value, Mined: mined}, nil
}

// Send pays an amount that the wallet has, with named arguments such as one for the fee, and returns the transaction.
func (f *Faucet) Send(ctx context.Context, address string, value amount.Satoshis, named ...string) (string, error) {
	arguments := []string{f.rpcWallet(), "-named", "sendtoaddress", "address=" + address, "amount=" + value.String()}
	return f.Cluster.CLI(ctx, f.Node.Pod, append(arguments, named...)...)
}

// latest are the transactions of the wallet among which a payment is sought whose answer was lost.
const latest = "100"

// sendOnce is Send for a payment that must not be sent twice: if the answer is lost, the payment is found in the wallet by its comment.
func (f *Faucet) sendOnce(ctx context.Context, address string, value amount.Satoshis, fee string) (string, error) {
	comment := rand.Text()
	txid, err := f.Send(ctx, address, value, fee, "comment="+comment)
	if _, lost := errors.AsType[*cluster.NodeError](err); !lost {
		return txid, err
	}
	sent, unknown := cluster.Ask[[]struct{ TxID, Comment string }](ctx, f.Cluster, f.Node.Pod, f.rpcWallet(), "listtransactions", "*", latest)
	if unknown == nil {
		for _, tx := range sent {
			if tx.Comment == comment {
				return tx.TxID, nil
			}
		}
	}
	return "", fmt.Errorf("the payment may have been sent, because its answer is missing: before you pay again, read kubectl btcnet cli NAME/%d %s listtransactions, "+
		"which has the comment %s if it was (%w)", f.Node.Ordinal, f.rpcWallet(), comment, err)
}

// Split sends coins of one value to fresh addresses of the wallet itself.
func (f *Faucet) Split(ctx context.Context, coins int, value amount.Satoshis) error {
	outputs := map[string]amount.Satoshis{}
	for range coins {
		address, err := f.NewAddress(ctx, "split")
		if err != nil {
			return err
		}
		outputs[address] = value
	}
	text, err := json.Marshal(outputs)
	if err != nil {
		return err
	}
	_, err = f.Cluster.CLI(ctx, f.Node.Pod, f.rpcWallet(), "-named", "sendmany", "amounts="+string(text), feeRate)
	return err
}

// maxRounds bounds the blocks that are mined until rewards are mature: another program may spend the coins at the same time.
const maxRounds = 20

// collect mines until the wallet can spend an amount, and returns the number of blocks.
func (f *Faucet) collect(ctx context.Context, own string, needed amount.Satoshis) (int64, error) {
	var mined int64
	for range maxRounds {
		has, err := f.Balances(ctx)
		if err != nil || has.Trusted >= needed {
			return mined, err
		}
		tip, err := BestTip(ctx, f.Cluster, f.Node.Pod)
		if err != nil {
			return mined, err
		}
		blocks := int64(Maturity / 10) // rewards that exist become mature
		if missing := needed - has.Trusted - has.Immature; missing > 0 {
			paying, ok := amount.BlocksFor(tip.Height, missing)
			if !ok {
				return mined, fmt.Errorf("the chain of %s cannot pay %s any more, because its blocks pay less every 150 blocks and its height is %d: "+
					"pay less, or create a new network", f.Node.Pod, needed, tip.Height)
			}
			blocks = paying + Maturity
		}
		if _, err := Mine(ctx, f.Cluster, f.Node.Pod, blocks, own); err != nil {
			return mined, err
		}
		mined += blocks
	}
	return mined, fmt.Errorf("the wallet %s of %s does not keep its coins: another program spends them; try again without it", f.name(), f.Node.Pod)
}

// Confirm mines a block, and reports in which one the payment is.
func (f *Faucet) Confirm(ctx context.Context, payment *Payment) error {
	for range 3 {
		if err := f.mineOne(ctx, payment); err != nil {
			return err
		}
		if err := f.locate(ctx, payment); err != nil || payment.Block != nil {
			return err
		}
	}
	return fmt.Errorf("the transaction %s is in no block after three: the configuration of %s keeps it out, see its log", payment.TxID, f.Node.Pod)
}
