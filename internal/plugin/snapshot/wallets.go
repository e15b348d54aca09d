package snapshot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// Codes of bitcoind's errors.
const (
	codeUnlockNeeded = -13
	codeNoMethod     = -32601
)

// walletReader reads the wallets of a node.
type walletReader struct {
	c       *cluster.Client
	node    noderef.Node
	wallets []archive.Wallet
	// notes are sentences about what is not kept.
	notes []string
}

func (r *walletReader) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf("node %d: ", r.node.Ordinal)+fmt.Sprintf(format, args...))
}

// compare notes that the node has another best block, or transactions outside of blocks.
func (r *walletReader) compare(ctx context.Context, chain map[string]bool) error {
	best, err := r.c.CLI(ctx, r.node.Pod, "getbestblockhash")
	if err != nil {
		return err
	}
	if !chain[best] {
		r.note("its best block %s is not in the saved chain, because it is newer or of another branch", terminal.Line(best))
	}
	mempool, err := cluster.Ask[struct{ Size int }](ctx, r.c, r.node.Pod, "getmempoolinfo")
	if err == nil && mempool.Size > 0 {
		r.note("%d transactions are in no block: mine one to keep them", mempool.Size)
	}
	return err
}

func (r *walletReader) read(ctx context.Context) error {
	loaded, err := cluster.Ask[[]string](ctx, r.c, r.node.Pod, "listwallets")
	if cluster.IsCode(err, codeNoMethod) {
		return nil // bitcoind was built without wallets
	}
	if err != nil || len(loaded) == 0 {
		return err
	}
	for _, name := range loaded {
		if err := r.wallet(ctx, name); err != nil {
			return err
		}
	}
	stored, err := cluster.Ask[struct{ Wallets []struct{ Name string } }](ctx, r.c, r.node.Pod, "listwalletdir")
	for _, wallet := range stored.Wallets {
		if !slices.Contains(loaded, wallet.Name) {
			r.note("the wallet %q is not loaded: load it with loadwallet to keep it", wallet.Name)
		}
	}
	return err
}

// wallet reads a wallet, or notes why it is not kept.
func (r *walletReader) wallet(ctx context.Context, name string) error {
	option := "-rpcwallet=" + name
	info, err := cluster.Ask[struct {
		Descriptors    bool            `json:"descriptors"`
		PrivateKeys    bool            `json:"private_keys_enabled"`
		AvoidReuse     bool            `json:"avoid_reuse"`
		ExternalSigner bool            `json:"external_signer"`
		UnlockedUntil  json.RawMessage `json:"unlocked_until"`
	}](ctx, r.c, r.node.Pod, option, "getwalletinfo")
	switch {
	case err != nil:
		return err
	case name == "":
		r.note("the wallet without a name cannot be created again: move its coins to another one")
		return nil
	case !info.Descriptors:
		r.note("the wallet %q has no descriptors: migratewallet gives it some", name)
		return nil
	case info.ExternalSigner:
		r.note("the wallet %q has its keys in another program", name)
		return nil
	}
	w := archive.Wallet{Node: r.node.Ordinal, Name: name, PrivateKeys: info.PrivateKeys, AvoidReuse: info.AvoidReuse}
	list, err := cluster.Ask[struct{ Descriptors []archive.Descriptor }](ctx, r.c, r.node.Pod, option, "listdescriptors", fmt.Sprint(info.PrivateKeys))
	switch {
	case cluster.IsCode(err, codeUnlockNeeded):
		r.note("the wallet %q is locked: unlock it with walletpassphrase to keep it", name)
		return nil
	case err != nil:
		return err
	case info.UnlockedUntil != nil:
		r.note("the passphrase of the wallet %q is not kept: its keys are in the snapshot, not encrypted", name)
	}
	w.Descriptors = list.Descriptors
	if err := r.details(ctx, option, &w); err != nil {
		return err
	}
	if err := archive.CheckWallet(w); err != nil {
		r.note("%v: it is not kept", err)
		return nil
	}
	r.wallets = append(r.wallets, w)
	return nil
}

// details are labels, locked coins and the balance.
func (r *walletReader) details(ctx context.Context, option string, w *archive.Wallet) error {
	addresses, err := cluster.Ask[[]archive.Label](ctx, r.c, r.node.Pod, option, "listreceivedbyaddress", "0", "true")
	if err != nil {
		return err
	}
	if most := archive.MaxLabels; len(addresses) > most {
		r.note("the wallet %q has %d addresses, of which %d are kept as such, those with labels first", w.Name, len(addresses), most)
		slices.SortStableFunc(addresses, func(a, b archive.Label) int {
			return cmp.Compare(min(1, len(b.Label)), min(1, len(a.Label)))
		})
		addresses = addresses[:most]
	}
	w.Labels = addresses
	if w.Locked, err = cluster.Ask[[]archive.Output](ctx, r.c, r.node.Pod, option, "listlockunspent"); err != nil {
		return err
	}
	balance, err := r.c.CLI(ctx, r.node.Pod, option, "getbalance", "*", "1")
	w.Balance = json.Number(balance)
	return err
}

// createWallet creates a wallet without keys. That it exists already is no error: an earlier attempt may have been interrupted.
func createWallet(ctx context.Context, c *cluster.Client, pod string, w archive.Wallet) error {
	_, err := c.CLI(ctx, pod, "-named", "createwallet", "wallet_name="+w.Name, "blank=true", "descriptors=true", "load_on_startup=true",
		fmt.Sprintf("disable_private_keys=%t", !w.PrivateKeys), fmt.Sprintf("avoid_reuse=%t", w.AvoidReuse))
	if cluster.IsCode(err, cluster.CodeWallet) {
		_, loading := c.CLI(ctx, pod, "loadwallet", w.Name, "true")
		if loading == nil || cluster.IsCode(loading, cluster.CodeAlreadyLoaded) ||
			cluster.IsCode(loading, cluster.CodeWallet) && strings.Contains(loading.Error(), "already") {
			err = nil
		}
	}
	return err
}

// request is an entry of importdescriptors, which is like one of listdescriptors.
type request struct {
	archive.Descriptor
	Label string `json:"label,omitempty"`
}

// addressOf is the address that a descriptor of one address has, and "" for others.
func addressOf(d archive.Descriptor) string {
	text, is := strings.CutPrefix(d.Desc, "addr(")
	address, rest, closed := strings.Cut(text, ")")
	if !is || !closed || d.Active || rest != "" && !strings.HasPrefix(rest, "#") {
		return ""
	}
	return address
}

// importedLabels are the labels by address that a wallet gets with its keys: each other one is a call, a process in the pod.
func importedLabels(w archive.Wallet) map[string]string {
	imported := map[string]string{}
	for _, d := range w.Descriptors {
		if address := addressOf(d); address != "" {
			for _, label := range w.Labels {
				if label.Address == address {
					imported[address] = label.Label
				}
			}
		}
	}
	return imported
}

// importKeys gives a wallet its keys, which find their coins in the chain that the node has.
func importKeys(ctx context.Context, c *cluster.Client, pod string, w archive.Wallet) error {
	labels := importedLabels(w)
	var requests []request
	for _, d := range w.Descriptors {
		r := request{Label: labels[addressOf(d)]}
		r.Descriptor = archive.Descriptor{Desc: d.Desc, Active: d.Active, Range: d.Range, Next: d.Next} // the whole chain, whatever the times of its blocks
		if d.Active {
			r.Internal = d.Internal
			r.Range = used(d)
		}
		requests = append(requests, r)
	}
	if len(requests) == 0 {
		return nil
	}
	text, err := json.Marshal(requests)
	if err != nil {
		return err
	}
	return importAll(ctx, c, pod, w.Name, string(text))
}

// ahead is how many keys after the used ones a restored wallet has at once: each costs time. bitcoind derives more when they are used.
const ahead = 100

// used is the range of the keys that were given out, and some more.
func used(d archive.Descriptor) []int {
	if len(d.Range) != 2 || d.Next == nil {
		return d.Range
	}
	return []int{d.Range[0], min(d.Range[1], max(d.Range[0], *d.Next)+ahead)}
}

func importAll(ctx context.Context, c *cluster.Client, pod, name, requests string) error {
	// On standard input, since arguments are in lists of processes and in logs of the API server.
	results, err := cluster.AskLong[[]struct {
		Success bool
		Error   struct{ Message string }
	}](ctx, c, pod, []string{requests}, "-rpcwallet="+name, "importdescriptors")
	if cluster.IsCode(err, cluster.CodeWallet) && strings.Contains(err.Error(), "rescanning") {
		return &cluster.NodeError{Pod: pod, Err: err} // for an earlier command, which was interrupted: it passes
	}
	if err != nil {
		return err
	}
	for _, result := range results {
		if !result.Success {
			return errors.New("bitcoind does not accept its keys: " + terminal.Line(result.Error.Message))
		}
	}
	return nil
}
