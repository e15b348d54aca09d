package traffic

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// BitcoinCLI are the Nodes of a cluster.
type BitcoinCLI struct {
	Cluster *cluster.Client
	// Faucets are the wallets of the nodes.
	Faucets []*faucet.Faucet
}

func (b *BitcoinCLI) pod(node int) string { return b.Faucets[node].Node.Pod }

// Tip implements Nodes.
func (b *BitcoinCLI) Tip(ctx context.Context, node int) (faucet.Tip, error) {
	return faucet.BestTip(ctx, b.Cluster, b.pod(node))
}

// Block implements Nodes.
func (b *BitcoinCLI) Block(ctx context.Context, node int, hash chainhash.Hash) (Block, error) {
	answer, err := cluster.Ask[struct {
		PreviousBlockHash chainhash.Hash
		Tx                []chainhash.Hash
	}](ctx, b.Cluster, b.pod(node), "getblock", hash.String(), "1")
	return Block{answer.PreviousBlockHash, answer.Tx}, err
}

// codeUnknownBlock is bitcoind's error for the hash of a block that the node does not have.
const codeUnknownBlock = -5

// Height implements Nodes.
func (b *BitcoinCLI) Height(ctx context.Context, node int, hash chainhash.Hash) (int64, error) {
	header, err := cluster.Ask[struct{ Height, Confirmations int64 }](ctx, b.Cluster, b.pod(node), "getblockheader", hash.String())
	switch {
	case cluster.IsCode(err, codeUnknownBlock):
		return -1, nil
	case err != nil:
		return 0, err
	case header.Confirmations < 0:
		return -1, nil
	}
	return header.Height, nil
}

// At implements Nodes.
func (b *BitcoinCLI) At(ctx context.Context, node int, height int64) (chainhash.Hash, error) {
	text, err := b.Cluster.CLI(ctx, b.pod(node), "getblockhash", strconv.FormatInt(height, 10))
	if err != nil {
		return chainhash.Hash{}, err
	}
	hash, err := chainhash.NewHashFromStr(text)
	if err != nil {
		return chainhash.Hash{}, &cluster.NodeError{Pod: b.pod(node), Text: fmt.Sprintf("its answer is no hash: %v", err), Err: err}
	}
	return *hash, nil
}

// Mempool implements Nodes.
func (b *BitcoinCLI) Mempool(ctx context.Context, node int) ([]chainhash.Hash, error) {
	return cluster.Ask[[]chainhash.Hash](ctx, b.Cluster, b.pod(node), "getrawmempool")
}

// Rejection implements Nodes.
func (b *BitcoinCLI) Rejection(ctx context.Context, node int, tx *wire.MsgTx) (string, error) {
	var raw strings.Builder
	if err := tx.Serialize(hex.NewEncoder(&raw)); err != nil {
		return "", err
	}
	answers, err := cluster.Ask[[]struct {
		Allowed bool
		Reason  string `json:"reject-reason"`
		Details string `json:"reject-details"`
	}](ctx, b.Cluster, b.pod(node), "testmempoolaccept", `["`+raw.String()+`"]`)
	if err != nil || len(answers) != 1 || answers[0].Allowed {
		return "", err
	}
	return answers[0].Reason, nil
}

// Mine implements Nodes.
func (b *BitcoinCLI) Mine(ctx context.Context, node int, blocks int64, address string) (faucet.Tip, error) {
	return faucet.Mine(ctx, b.Cluster, b.pod(node), blocks, address)
}

// Await implements Nodes.
func (b *BitcoinCLI) Await(ctx context.Context, tip faucet.Tip) error {
	var nodes []noderef.Node
	for _, f := range b.Faucets {
		nodes = append(nodes, f.Node)
	}
	return faucet.Agree(ctx, b.Cluster, nodes, tip, setupTimeout, func(ctx context.Context, node noderef.Node) error {
		i := slices.Index(nodes, node)
		address, err := b.Faucets[i].Address(ctx)
		if err == nil {
			_, err = b.Mine(ctx, i, 1, address)
		}
		return err
	})
}

// unspent is a coin in the answer of scantxoutset.
type unspent struct {
	TxID     chainhash.Hash
	Vout     uint32
	Script   string `json:"scriptPubKey"`
	Amount   amount.Satoshis
	Coinbase bool
	Height   int64
}

// codeScanning is bitcoind's error when it scans for another caller.
const codeScanning = -8

// Coins implements Nodes. bitcoind scans the coins of the chain for one caller at a time.
func (b *BitcoinCLI) Coins(ctx context.Context) ([]ledger.Found, error) {
	var scan struct {
		Success  bool
		Height   int64
		Unspents []unspent
	}
	descriptors, err := b.descriptors()
	if err != nil {
		return nil, err
	}
	err = b.Cluster.Wait(ctx, setupTimeout, "the search for coins", func(ctx context.Context) (missing string, err error) {
		scan, err = cluster.AskWith[struct {
			Success  bool
			Height   int64
			Unspents []unspent
		}](ctx, b.Cluster, b.pod(0), []string{"start", descriptors}, "scantxoutset")
		if cluster.IsCode(err, codeScanning) {
			return err.Error(), nil
		}
		return "", err
	})
	if err != nil || !scan.Success {
		return nil, err
	}
	var found []ledger.Found
	for _, u := range scan.Unspents {
		script, err := hex.DecodeString(u.Script)
		if err != nil {
			return nil, &cluster.NodeError{Pod: b.pod(0), Text: fmt.Sprintf("its answer has a wrong script: %v", err), Err: err}
		}
		if !u.Coinbase || scan.Height-u.Height >= faucet.Maturity {
			found = append(found, ledger.Found{OutPoint: wire.OutPoint{Hash: u.TxID, Index: u.Vout}, Value: u.Amount, Script: script})
		}
	}
	return b.unspentInMempool(ctx, found)
}

// descriptors of all accounts, for scantxoutset.
func (b *BitcoinCLI) descriptors() (string, error) {
	type request struct {
		Desc  string `json:"desc"`
		Range int    `json:"range"`
	}
	var requests []request
	for _, f := range b.Faucets {
		for _, descriptor := range f.Descriptors() {
			requests = append(requests, request{descriptor, ledger.Keys - 1})
		}
	}
	text, err := json.Marshal(requests)
	return string(text), err
}

// unspentInMempool leaves out what a transaction in the mempool spends.
func (b *BitcoinCLI) unspentInMempool(ctx context.Context, found []ledger.Found) ([]ledger.Found, error) {
	if len(found) == 0 {
		return nil, nil
	}
	type output struct {
		TxID         string `json:"txid"`
		Vout         uint32 `json:"vout"`
		SpendingTxID string `json:"spendingtxid,omitempty"`
	}
	outputs := make([]output, len(found))
	for i, f := range found {
		outputs[i] = output{TxID: f.OutPoint.Hash.String(), Vout: f.OutPoint.Index}
	}
	text, err := json.Marshal(outputs)
	if err != nil {
		return nil, err
	}
	answers, err := cluster.AskWith[[]output](ctx, b.Cluster, b.pod(0), []string{string(text)}, "gettxspendingprevout")
	if err != nil {
		return nil, err
	}
	kept := found[:0]
	for i, f := range found {
		if i < len(answers) && answers[i].SpendingTxID == "" {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// Wallets creates the wallets that are missing, so that the nodes show what their accounts get and pay.
func (b *BitcoinCLI) Wallets(ctx context.Context) error {
	t := Traffic{Faucets: b.Faucets}
	return t.each(func(i int) error {
		_, err := b.Faucets[i].Address(ctx)
		return err
	})
}
