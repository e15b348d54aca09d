// Package faucet gives coins: each node has a wallet for it, which the package creates when it is needed, mines to and pays from. It calls
// bitcoin-cli in the pods.
package faucet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

const (
	// Wallet is the name of the wallet on each node that pays, and the label of the address that its blocks pay.
	Wallet = "faucet"
	// TrafficWallet is one that the plugin signs for itself: what faucet pays must not need the coins of such transactions.
	TrafficWallet = "traffic"
)

// Faucet is a wallet of one node.
type Faucet struct {
	Cluster *cluster.Client
	// UID of the network, from which the keys are derived.
	UID  string
	Node noderef.Node
	// Name of the wallet. Default: Wallet.
	Name string
	// Fee that Pay pays, in satoshis for each virtual byte. Default: 10.
	Fee int64
}

func (f *Faucet) name() string {
	if f.Name == "" {
		return Wallet
	}
	return f.Name
}

// rpcWallet is the option of bitcoin-cli for the calls of the wallet.
func (f *Faucet) rpcWallet() string { return "-rpcwallet=" + f.name() }

// Descriptors are those of the wallet's keys, for its addresses and for change.
func (f *Faucet) Descriptors() [2]string {
	receive, change := descriptors(f.name(), f.UID, f.Node.Ordinal)
	return [2]string{receive, change}
}

// codeNoMethod is bitcoind's error for the calls of a wallet when it was built without.
const codeNoMethod = -32601

// Address is that of the wallet which blocks pay, always the same one. The wallet is loaded or created if necessary.
func (f *Faucet) Address(ctx context.Context) (string, error) {
	address, err := f.labelled(ctx)
	if cluster.IsCode(err, cluster.CodeWalletNotFound) {
		if err := f.open(ctx); err != nil {
			return "", err
		}
		address, err = f.labelled(ctx)
	}
	if cluster.IsCode(err, codeNoMethod) {
		return "", fmt.Errorf("bitcoind in %s has no wallet: use a node whose image has one, or name an address with --to (%w)", f.Node.Pod, err)
	}
	if err != nil || address != "" {
		return address, err
	}
	return f.NewAddress(ctx, f.name())
}

// labelled is the address with the label, empty when there is none.
func (f *Faucet) labelled(ctx context.Context) (string, error) {
	addresses, err := cluster.Ask[map[string]any](ctx, f.Cluster, f.Node.Pod, f.rpcWallet(), "getaddressesbylabel", f.name())
	if cluster.IsCode(err, cluster.CodeWalletLabelName) {
		return "", nil
	}
	if err != nil || len(addresses) == 0 {
		return "", err
	}
	return slices.Min(slices.Collect(maps.Keys(addresses))), nil
}

// NewAddress is one that was never used. The wallet must exist. It has no keys when the program that created it was interrupted.
func (f *Faucet) NewAddress(ctx context.Context, label string) (string, error) {
	address, err := f.Cluster.CLI(ctx, f.Node.Pod, f.rpcWallet(), "getnewaddress", label)
	if !cluster.IsCode(err, cluster.CodeKeypoolRanOut, cluster.CodeWallet) {
		return address, err
	}
	if err := f.importKeys(ctx); err != nil {
		return "", err
	}
	return f.Cluster.CLI(ctx, f.Node.Pod, f.rpcWallet(), "getnewaddress", label)
}

// open loads the wallet, or creates it.
func (f *Faucet) open(ctx context.Context) error {
	if err := f.awaitChain(ctx); err != nil {
		return err
	}
	_, err := f.Cluster.CLI(ctx, f.Node.Pod, "loadwallet", f.name(), "true")
	if !cluster.IsCode(err, cluster.CodeWalletNotFound) {
		return f.unlessOpen(err)
	}
	_, err = f.Cluster.CLI(ctx, f.Node.Pod, "-named", "createwallet", "wallet_name="+f.name(), "blank=true", "descriptors=true", "load_on_startup=true")
	if err := f.unlessOpen(err); err != nil {
		return err
	}
	return f.importKeys(ctx)
}

// unlessOpen ignores that another command, or the operator, has loaded or created the wallet meanwhile.
func (f *Faucet) unlessOpen(err error) error {
	if cluster.IsCode(err, cluster.CodeAlreadyLoaded) || cluster.IsCode(err, cluster.CodeWallet) && strings.Contains(err.Error(), "already") {
		return nil
	}
	return err
}

// chainTimeout is how long a wallet waits for the chain of its node.
const chainTimeout = 15 * time.Second

// awaitChain waits until the node has the blocks whose headers it has: a wallet that is loaded while its node gets blocks again that the
// wallet knew already may miss their coins (seen with 29.4).
func (f *Faucet) awaitChain(ctx context.Context) error {
	start := time.Now()
	return f.Cluster.Wait(ctx, 2*chainTimeout, "the node's start", func(ctx context.Context) (string, error) {
		chain, err := cluster.Ask[struct{ Blocks, Headers int64 }](ctx, f.Cluster, f.Node.Pod, "getblockchaininfo")
		if err == nil && chain.Blocks < chain.Headers && time.Since(start) < chainTimeout {
			return fmt.Sprintf("the node has %d of %d blocks", chain.Blocks, chain.Headers), nil
		}
		return "", err
	})
}

// importKeys makes the wallet find the coins of its keys in the whole chain.
func (f *Faucet) importKeys(ctx context.Context) error {
	receive, change := descriptors(f.name(), f.UID, f.Node.Ordinal)
	type request struct {
		Desc      string `json:"desc"`
		Active    bool   `json:"active"`
		Internal  bool   `json:"internal"`
		Timestamp int    `json:"timestamp"`
		Range     int    `json:"range"`
	}
	// The range is the gap of unused addresses that a rescan bridges.
	text, err := json.Marshal([]request{{receive, true, false, 0, 999}, {change, true, true, 0, 999}})
	if err != nil {
		return err
	}
	results, err := cluster.Ask[[]struct {
		Success bool
		Error   struct{ Message string }
	}](ctx, f.Cluster, f.Node.Pod, f.rpcWallet(), "importdescriptors", string(text))
	if err != nil {
		return err
	}
	for _, result := range results {
		if !result.Success {
			return fmt.Errorf("the wallet %s of %s does not accept its keys: %s; unload it with kubectl btcnet cli, and try again", f.name(), f.Node.Pod,
				terminal.Line(result.Error.Message))
		}
	}
	return nil
}

// Balances of the wallet.
type Balances struct {
	Trusted  amount.Satoshis `json:"trusted"`
	Pending  amount.Satoshis `json:"untrusted_pending"`
	Immature amount.Satoshis `json:"immature"`
}

// Balances returns what the wallet has.
func (f *Faucet) Balances(ctx context.Context) (Balances, error) {
	answer, err := cluster.Ask[struct{ Mine Balances }](ctx, f.Cluster, f.Node.Pod, f.rpcWallet(), "getbalances")
	return answer.Mine, err
}
