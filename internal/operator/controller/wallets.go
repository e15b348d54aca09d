package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// maxLoadedWallets bounds the wallets that are loaded after a start of bitcoind, since each takes some of the limit of the container.
	maxLoadedWallets = 25
	// maxWalletAttempts is how often the wallets of one bitcoind are tried, and walletsLoaded replaces the count in the end.
	maxWalletAttempts = 3
	walletsLoaded     = -1
	// walletsWait is how long wallets wait for nodes that do not answer, and for a node that has the same best block and lacks others.
	// walletsLimit is how long they wait at most, for a node that gets blocks one after the other.
	walletsWait  = 15 * time.Second
	walletsLimit = 5 * time.Minute
	// walletsDelay is how long after the start of bitcoind its wallets may not be loaded yet in a network that is ready.
	walletsDelay = time.Minute
)

// loadWallets loads the wallets of nodes that have started, in the background. bitcoind loads only those that were created with
// load_on_startup, and a pod may restart at any time, without its user. A wallet that is unloaded later stays so until the next start.
//
// Wallets wait until their node has the blocks that there were when it was first seen. A wallet that is loaded while its node gets blocks again that the wallet
// knew already, those since bitcoind last wrote its chain to the disk, may miss their coins from then on, until rescanblockchain:
// bitcoind compares the wallet with the chain twice during a load, and the blocks between belong to neither (seen with 29.4).
func (c *nodeClient) loadWallets(ctx context.Context, network *v1.BitcoinNetwork, shared *sharedState, nodes []node, sides []side, now time.Time) {
	known := knownHeights(nodes, sides)
	for i := range nodes {
		n := &nodes[i]
		if !shared.expectsWallets(n, func() bool { return mayHaveWallets(network, n, now) }) || n.answer == nil || n.busy || !shared.startWallets(n.key(), n.answer.chain, known[i], now) {
			continue
		}
		endpoint := c.endpoint(network, n)
		of := n.process()
		ctx := log.IntoContext(ctx, log.FromContext(ctx).WithValues("node", n.name()))
		c.run(ctx, shared.slots, changingCalls, func(ctx context.Context) {
			if withoutLease(ctx) {
				shared.abandonWallets(of)
				return
			}
			err := errPanicked
			defer func() { shared.endWallets(of, err) }()
			err = c.loadAllWallets(ctx, endpoint)
		})
	}
}

// mayHaveWallets reports whether a node may have wallets that an earlier bitcoind had loaded: its data directory outlives the process.
// When the network has been ready since the process started, another operator has loaded them, unless that was a moment ago.
func mayHaveWallets(network *v1.BitcoinNetwork, n *node, now time.Time) bool {
	at, runs := n.startedAt()
	if !runs || network.Spec.Storage == nil && !n.restarted() {
		return false
	}
	started := metav1.NewTime(at)
	if now.Sub(at) < walletsDelay {
		return true
	}
	ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
	return ready == nil || ready.Status != metav1.ConditionTrue || ready.LastTransitionTime.Before(&started)
}

// expectsWallets reports whether wallets of the node's bitcoind may have to be loaded. That is decided when this operator first sees the
// process: the network may be ready before its wallets are loaded, since a node that is one block behind is ready, and its wallets wait.
func (s *sharedState) expectsWallets(n *node, mayHave func() bool) bool {
	if n.pod == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[n.key()]
	if state == nil {
		return false
	}
	if !state.walletsDecided {
		state.walletsDecided = true
		if !mayHave() {
			state.wallets = walletsLoaded
		}
	}
	return state.wallets != walletsLoaded
}

// knownHeight is the height of the blocks that the nodes of a side have; complete is true when all of them answer.
type knownHeight struct {
	height   int64
	complete bool
}

// knownHeights are the known heights of the nodes' sides.
func knownHeights(nodes []node, sides []side) []knownHeight {
	known := make([]knownHeight, len(nodes))
	for _, side := range sides {
		complete := !slices.ContainsFunc(side.members, func(i int) bool { return nodes[i].answer == nil })
		for _, i := range side.members {
			known[i] = knownHeight{side.height, complete}
		}
	}
	return known
}

// startWallets claims the loading of the wallets of a node's bitcoind, endWallets returns it. A wallet may know the blocks that other nodes
// had when its node was first seen: the node must have as many, or have had the same best block for a while.
func (s *sharedState) startWallets(of nodeKey, chain bitcoind.ChainInfo, known knownHeight, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of]
	if state == nil || state.loading || state.wallets == walletsLoaded || state.wallets >= maxWalletAttempts {
		return false
	}
	w := &state.walletsReach
	if w.since.IsZero() {
		w.since = now
	}
	if !w.known {
		w.height, w.known = max(known.height, chain.Headers), known.complete || now.Sub(w.since) >= walletsWait
	}
	if w.best != chain.BestBlockHash {
		w.best, w.bestAt = chain.BestBlockHash, now
	}
	if (!w.known || chain.Blocks < w.height) && now.Sub(w.bestAt) < walletsWait && now.Sub(w.since) < walletsLimit {
		return false
	}
	state.loading = true
	state.wallets++
	return true
}

// abandonWallets returns the claim of startWallets without an attempt.
func (s *sharedState) abandonWallets(of process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.nodes[of.nodeKey]; state != nil && state.process == of {
		state.loading = false
		state.wallets--
	}
}

func (s *sharedState) endWallets(of process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.nodes[of.nodeKey]
	if state == nil || state.process != of {
		return
	}
	state.loading = false
	var unreachable *bitcoind.UnreachableError
	if !errors.As(err, &unreachable) {
		state.wallets = walletsLoaded
	}
}

// loadAllWallets loads the wallets of a node that are not loaded. A node without wallet support, or whose configuration does not
// allow the operator these calls yet, is left alone.
func (c *nodeClient) loadAllWallets(ctx context.Context, endpoint bitcoind.Endpoint) error {
	logger := log.FromContext(ctx)
	var existing bitcoind.WalletDir
	var loaded []string
	errs, err := c.rpc.Batch(ctx, endpoint, []bitcoind.Call{bitcoind.ListWallets(&loaded), bitcoind.ListWalletDir(&existing)})
	if err = errors.Join(append(errs, err)...); err != nil {
		logger.V(1).Info("The wallets of a node are not known", "error", err.Error())
		return err
	}
	names := walletsToLoad(existing, loaded)
	if len(names) == 0 {
		return nil
	}
	if len(names) > maxLoadedWallets {
		logger.Info("Not all wallets of a node are loaded", "wallets", len(names), "loaded", maxLoadedWallets)
		names = names[:maxLoadedWallets]
	}
	calls := make([]bitcoind.Call, len(names))
	for i, name := range names {
		calls[i] = bitcoind.LoadWallet(name)
	}
	started := time.Now()
	errs, err = c.rpc.Batch(ctx, endpoint, calls)
	for i, err := range errs {
		if err != nil {
			logger.Info("A wallet could not be loaded", "wallet", names[i], "error", err.Error())
		}
	}
	logger.V(1).Info("Wallets loaded", "wallets", names, "duration", time.Since(started))
	return err
}

func walletsToLoad(existing bitcoind.WalletDir, loaded []string) []string {
	var names []string
	for _, wallet := range existing.Wallets {
		if !slices.Contains(loaded, wallet.Name) {
			names = append(names, wallet.Name)
		}
	}
	return names
}
