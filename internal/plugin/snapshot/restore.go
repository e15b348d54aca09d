package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

	limit      time.Duration
	hasWallets bool
	mu         sync.Mutex
	// notes are about what differs from the saved network.
	notes []string
	// complete are the ordinals of the nodes that have the chain.
	complete []int
}

// parallel is how many nodes get blocks at the same time.
const parallel = 16

// Run returns when bitcoind on all nodes has the best block of the snapshot, and the wallets. A node that has a part already gets the rest.
//
// All nodes have their wallets before the first one gets a block, because it passes blocks on: a wallet that gets its keys while its node
// gets blocks reads them twice, and holds both up.
func (r *Restorer) Run(ctx context.Context, limit time.Duration) (notes []string, err error) {
	nodes := noderef.Nodes(r.Network)
	for _, w := range r.Archive.Kept {
		if w.Node >= len(nodes) {
			r.note("the wallet %q of node %d is not restored: the network has %d nodes", w.Name, w.Node, len(nodes))
		}
	}
	client := *r.Cluster
	client.Poll = min(client.Poll, startPoll)
	r.Cluster, r.limit = &client, limit
	r.hasWallets = slices.ContainsFunc(r.Archive.Kept, func(w archive.Wallet) bool { return w.Node < len(nodes) })
	targets, err := r.prepareAll(ctx, nodes)
	for _, t := range targets {
		if t.peer != nil {
			defer t.peer.Close()
		}
	}
	if err == nil && r.hasWallets {
		group, working := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for _, t := range targets {
			group.Go(func() error { return r.fill(working, t) })
		}
		err = group.Wait()
	}
	slices.Sort(r.complete)
	return r.notes, err
}

// startPoll is the time between two attempts to reach a node that starts.
const startPoll = 100 * time.Millisecond

// target is a node with its wallets, and a connection with its P2P port.
type target struct {
	noderef.Node
	wallets []archive.Wallet
	peer    *p2p.Peer
}

// prepareAll connects with each node and creates its wallets when its pod has an address, before the operator knows that it is ready.
func (r *Restorer) prepareAll(ctx context.Context, nodes []noderef.Node) ([]*target, error) {
	targets := make([]*target, len(nodes))
	for i, node := range nodes {
		targets[i] = &target{Node: node}
		for _, w := range r.Archive.Kept {
			if w.Node == node.Ordinal {
				targets[i].wallets = append(targets[i].wallets, w)
			}
		}
	}
	started := map[int]bool{}
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	waited := r.Cluster.Wait(working, r.limit, fmt.Sprintf("the start of all %d nodes", len(nodes)), func(waiting context.Context) (string, error) {
		network, err := r.Cluster.Get(waiting, r.Network.Name)
		if err != nil {
			return "", err
		}
		for _, status := range network.Status.Nodes {
			if ordinal := int(status.Ordinal); status.IP != "" && ordinal < len(nodes) && !started[ordinal] {
				started[ordinal] = true
				group.Go(func() error {
					err := r.prepare(ctx, working, targets[ordinal])
					if err == nil && !r.hasWallets { // it need not wait for the others
						err = r.fill(working, targets[ordinal])
					}
					return err
				})
			}
		}
		if len(started) < len(nodes) {
			return fmt.Sprintf("%d of %d pods have an address", len(started), len(nodes)), nil
		}
		return "", nil
	})
	if err := group.Wait(); err != nil {
		return targets, err
	}
	return targets, waited
}

// prepare connects until the context ends, and works until working does.
func (r *Restorer) prepare(ctx, working context.Context, t *target) error {
	group, working := errgroup.WithContext(working)
	group.Go(func() error {
		return r.Cluster.Wait(working, r.limit, "the start of "+t.Pod, func(context.Context) (missing string, err error) {
			t.peer, err = dial(ctx, r.Cluster, t.Pod)
			return "", err
		})
	})
	group.Go(func() error { return r.create(working, t) })
	return group.Wait()
}

// create creates the wallets of a node, one after the other, as soon as bitcoind answers.
func (r *Restorer) create(ctx context.Context, t *target) error {
	for _, w := range t.wallets {
		if err := r.Cluster.Wait(ctx, r.limit, "the start of "+t.Pod, func(ctx context.Context) (string, error) {
			return "", createWallet(ctx, r.Cluster, t.Pod, w)
		}); err != nil {
			return fmt.Errorf("the wallet %q of node %d cannot be created: %w", w.Name, t.Ordinal, err)
		}
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

// fill gives a node its blocks and what its wallets have beside keys.
func (r *Restorer) fill(ctx context.Context, t *target) error {
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return r.give(working, t) })
	for _, w := range t.wallets {
		group.Go(func() error { return r.label(working, t.Node, w) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	group, working = errgroup.WithContext(ctx)
	for _, w := range t.wallets {
		group.Go(func() error {
			if err := r.finish(working, t.Node, w); err != nil {
				return fmt.Errorf("the wallet %q of node %d: %w", w.Name, t.Ordinal, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complete = append(r.complete, t.Ordinal)
	return nil
}

// give sends the blocks that a node lacks.
func (r *Restorer) give(ctx context.Context, t *target) error {
	has, err := r.common(ctx, t.peer)
	if err != nil {
		return fmt.Errorf("node %d: %w", t.Ordinal, err)
	}
	if err := t.peer.Give(ctx, r.Archive.Chain[has:]); err != nil && ctx.Err() == nil {
		return fmt.Errorf("node %d does not take the blocks: %w; kubectl btcnet logs %s/%d has the reason", t.Ordinal, err, r.Network.Name, t.Ordinal)
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
	after, err := t.peer.Headers(ctx, before)
	if err == nil && (len(after) != 1 || after[0].BlockHash() != last) {
		err = fmt.Errorf("the best block of node %d is not that of the snapshot: were blocks mined meanwhile, or not accepted? kubectl btcnet logs %s/%d has the reason",
			t.Ordinal, r.Network.Name, t.Ordinal)
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
	for _, label := range w.Labels {
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

// finish locks the coins that were locked, and compares the balance.
func (r *Restorer) finish(ctx context.Context, node noderef.Node, w archive.Wallet) error {
	option := "-rpcwallet=" + w.Name
	if len(w.Locked) > 0 {
		text, err := json.Marshal(w.Locked)
		if err != nil {
			return err
		}
		if _, err := cluster.AskWith[bool](ctx, r.Cluster, node.Pod, []string{"false", string(text), "true"}, option, "lockunspent"); err != nil {
			r.note("coins of the wallet %q of node %d are not locked again: %v", w.Name, node.Ordinal, err)
		}
	}
	want, err := amount.ParseJSON(w.Balance.String())
	if err != nil {
		return err
	}
	balance, err := r.Cluster.CLI(ctx, node.Pod, option, "getbalance", "*", "1")
	if err != nil {
		return err
	}
	got, err := amount.ParseJSON(balance)
	if err == nil && got != want {
		r.note("the wallet %q of node %d has %s BTC, and had %s: what was in no block is not kept", w.Name, node.Ordinal, got, want)
	}
	return err
}
