package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxAhead is how far the time of a block may be ahead of a node's clock.
const maxAhead = 2 * time.Hour

// Usable rejects a snapshot whose blocks the nodes would reject now. Many blocks that were mined at once have times that are ahead.
func Usable(a *archive.Archive, now time.Time) error {
	if from := a.Latest.Add(-maxAhead); now.Before(from) {
		return fmt.Errorf("the snapshot has a block from %s, which nodes accept from %s on: try again then", a.Latest.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339))
	}
	return nil
}

// Restorer gives a snapshot to the nodes of a network that does not mine.
type Restorer struct {
	Cluster *cluster.Client
	Archive *archive.Archive
	Network *v1.BitcoinNetwork
	// Foreign are pods that are not the network's: those of a deleted one of the same name may still run.
	Foreign map[types.UID]bool

	limit time.Duration
	mu    sync.Mutex
	// notes are about what differs from the saved network.
	notes []string
	// complete are the ordinals of the nodes that have the chain.
	complete []int
	// pods are those to which nodes were restored, by ordinal.
	pods map[int]types.UID
}

// Run returns when bitcoind on all nodes has the best block of the snapshot, and the wallets. A node that has a part already gets the rest.
//
// A node gets its blocks as soon as it answers, whatever the others do: each node passes blocks on. Its wallets get their keys afterwards, and
// find their coins by one rescan. A wallet with keys would take part in each block, and one that gets them meanwhile would read blocks twice.
func (r *Restorer) Run(ctx context.Context, limit time.Duration) (notes []string, err error) {
	nodes := noderef.Nodes(r.Network)
	for _, w := range r.Archive.Kept {
		if w.Node >= len(nodes) {
			r.note("the wallet %q of node %d is not restored: the network has %d nodes", w.Name, w.Node, len(nodes))
		}
	}
	client := *r.Cluster
	client.Poll = min(client.Poll, startPoll)
	r.Cluster, r.limit, r.pods = &client, limit, map[int]types.UID{}
	err = r.restoreAll(ctx, nodes)
	slices.Sort(r.complete)
	return r.notes, err
}

// startPoll is the time between two attempts to reach a node that starts.
const startPoll = 100 * time.Millisecond

// restore gives a node its blocks, and its wallets their keys then. A node that takes connections of peers answers calls too: each one before
// would be a process in the pod that takes its time from bitcoind.
func (r *Restorer) restore(ctx context.Context, node noderef.Node) error {
	peer, err := r.connect(ctx, node)
	if err != nil {
		return err
	}
	var wallets []archive.Wallet
	for _, w := range r.Archive.Kept {
		if w.Node == node.Ordinal {
			wallets = append(wallets, w)
		}
	}
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer peer.Close()
		return r.give(working, node, peer)
	})
	for _, w := range wallets {
		group.Go(func() error {
			return r.attempt(working, node, w, func(ctx context.Context) error { return createWallet(ctx, r.Cluster, node.Pod, w) })
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	group, working = errgroup.WithContext(ctx)
	for _, w := range wallets {
		group.Go(func() error {
			err := r.attempt(working, node, w, func(ctx context.Context) error { return importKeys(ctx, r.Cluster, node.Pod, w) })
			if err == nil {
				err = r.describe(working, node, w)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complete = append(r.complete, node.Ordinal)
	return nil
}

// connect connects with a node as soon as it starts. On a busy machine, where an attempt takes long, it tries less often.
func (r *Restorer) connect(ctx context.Context, node noderef.Node) (peer *p2p.Peer, err error) {
	var next time.Time
	var last error
	err = r.Cluster.Wait(ctx, r.limit, "the start of "+node.Pod, func(context.Context) (string, error) {
		begin := time.Now()
		if begin.Before(next) {
			return "", last
		}
		peer, last = dial(ctx, r.Cluster, node.Pod)
		next = time.Now().Add(2 * time.Since(begin))
		return "", last
	})
	return peer, err
}

// attempt is a part of the creation of a wallet, as soon as bitcoind answers.
func (r *Restorer) attempt(ctx context.Context, node noderef.Node, w archive.Wallet, part func(context.Context) error) error {
	err := r.Cluster.Wait(ctx, r.limit, "the start of "+node.Pod, func(ctx context.Context) (string, error) { return "", part(ctx) })
	if err != nil {
		return fmt.Errorf("the wallet %q of node %d cannot be created: %w", w.Name, node.Ordinal, err)
	}
	return nil
}

// Complete are the nodes that have the chain and their wallets.
func (r *Restorer) Complete() []int { return r.complete }

// Wallets is how many were restored.
func (r *Restorer) Wallets() int {
	count := 0
	for _, w := range r.Archive.Kept {
		if slices.Contains(r.complete, w.Node) {
			count++
		}
	}
	return count
}

func (r *Restorer) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// describe gives a wallet what it has beside keys.
func (r *Restorer) describe(ctx context.Context, node noderef.Node, w archive.Wallet) error {
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return r.label(working, node, w) })
	group.Go(func() error { return r.lock(working, node, w) })
	group.Go(func() error {
		if err := r.compare(working, node, w); err != nil {
			return fmt.Errorf("the wallet %q of node %d: %w", w.Name, node.Ordinal, err)
		}
		return nil
	})
	return group.Wait()
}

// give sends the blocks that a node lacks.
func (r *Restorer) give(ctx context.Context, node noderef.Node, peer *p2p.Peer) error {
	has, err := r.common(ctx, peer)
	if err != nil {
		return fmt.Errorf("node %d: %w", node.Ordinal, err)
	}
	if err := peer.Give(ctx, r.Archive.Chain[has:]); err != nil && ctx.Err() == nil {
		return fmt.Errorf("node %d does not take the blocks: %w; kubectl btcnet logs %s/%d has the reason", node.Ordinal, err, r.Network.Name, node.Ordinal)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// bitcoind answers with the headers of its best chain after this block, or of the whole chain if the block is not in it, and with none
	// after a block that it lacks itself.
	last, before := r.Archive.Hashes[len(r.Archive.Hashes)-1], p2p.Genesis()
	if n := len(r.Archive.Hashes); n > 1 {
		before = r.Archive.Hashes[n-2]
	}
	after, err := peer.Headers(ctx, before)
	if err == nil && (len(after) != 1 || after[0].BlockHash() != last) {
		err = fmt.Errorf("the best block of node %d is not that of the snapshot: were blocks mined meanwhile, or not accepted? kubectl btcnet logs %s/%d has the reason",
			node.Ordinal, r.Network.Name, node.Ordinal)
	}
	return err
}

// common is how many blocks of the snapshot the best chain of a node begins with.
func (r *Restorer) common(ctx context.Context, peer *p2p.Peer) (int, error) {
	headers, err := peer.Chain(ctx, archive.MaxBlocks)
	if err != nil {
		return 0, err
	}
	for i, header := range headers {
		if i >= len(r.Archive.Hashes) || header.BlockHash() != r.Archive.Hashes[i] {
			return 0, fmt.Errorf("its block %d is not in the snapshot: the chain of a network that has another one cannot be replaced", i+1)
		}
	}
	return len(headers), nil
}

// maxLabelCalls are those of one wallet at the same time.
const maxLabelCalls = 4

func (r *Restorer) label(ctx context.Context, node noderef.Node, w archive.Wallet) error {
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(maxLabelCalls)
	imported := importedLabels(w)
	for _, label := range w.Labels {
		if _, has := imported[label.Address]; has {
			continue
		}
		group.Go(func() error {
			_, err := r.Cluster.CLI(working, node.Pod, "-rpcwallet="+w.Name, "-named", "setlabel", "address="+label.Address, "label="+label.Label)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("the labels of the wallet %q of node %d: %w", w.Name, node.Ordinal, err)
	}
	return nil
}

// lock locks the coins that were locked.
func (r *Restorer) lock(ctx context.Context, node noderef.Node, w archive.Wallet) error {
	if len(w.Locked) == 0 {
		return nil
	}
	text, err := json.Marshal(w.Locked)
	if err != nil {
		return err
	}
	if _, err := cluster.AskWith[bool](ctx, r.Cluster, node.Pod, []string{"false", string(text), "true"}, "-rpcwallet="+w.Name, "lockunspent"); err != nil {
		r.note("coins of the wallet %q of node %d are not locked again: %v", w.Name, node.Ordinal, err)
	}
	return nil
}

// compare notes another balance, which has locked coins too.
func (r *Restorer) compare(ctx context.Context, node noderef.Node, w archive.Wallet) error {
	want, err := amount.ParseJSON(w.Balance.String())
	if err != nil {
		return err
	}
	balance, err := r.Cluster.CLI(ctx, node.Pod, "-rpcwallet="+w.Name, "getbalance", "*", "1")
	if err != nil {
		return err
	}
	got, err := amount.ParseJSON(balance)
	if err == nil && got != want {
		r.note("the wallet %q of node %d has %s BTC, and had %s: what was in no block is not kept", w.Name, node.Ordinal, got, want)
	}
	return err
}
