package controller

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// errOvertaken means that the chain is not that of the plan any more: the next pass makes another plan.
var errOvertaken = errors.New("the chain has got other blocks")

// miners keeps several LightningNetworks on one BitcoinNetwork from mining at the same time, which would fork its chain.
type miners struct {
	mu sync.Mutex
	on map[types.UID]*mining
}

// mining is that on one BitcoinNetwork. Heights are those after the last mining, by side of a partition.
type mining struct {
	busy    bool
	heights map[int]minedHeight
}

// minedLifetime is how long a height after mining counts: a chain may be lost.
const minedLifetime = 30 * time.Second

// minedHeight is the height of a chain after the operator has mined on it.
type minedHeight struct {
	height int64
	at     time.Time
}

func (h minedHeight) expired(now time.Time) bool { return now.Sub(h.at) > minedLifetime }

// begin claims a BitcoinNetwork; false while another one mines, or its blocks are not on the node yet.
func (m *miners) begin(uid types.UID, node *plan.Bitcoin, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.on[uid]
	if known == nil {
		if m.on == nil {
			m.on = map[types.UID]*mining{}
		}
		known = &mining{heights: map[int]minedHeight{}}
		m.on[uid] = known
	}
	if last := known.heights[node.Side]; known.busy || !last.expired(now) && node.Tip.Height < last.height {
		return false
	}
	known.busy = true
	return true
}

// end releases a BitcoinNetwork, whose chain has this height now.
func (m *miners) end(uid types.UID, side int, height int64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.on[uid]
	known.busy, known.heights[side] = false, minedHeight{height, now}
	for other, last := range m.on {
		maps.DeleteFunc(last.heights, func(_ int, h minedHeight) bool { return h.expired(now) })
		if !last.busy && len(last.heights) == 0 {
			delete(m.on, other)
		}
	}
}

// mine mines blocks on a bitcoind, with the operator's own credential there, and returns the height after them.
func (r *Reconciler) mine(ctx context.Context, bitcoin *v1.BitcoinNetwork, n *bitcoinNode, rewards []plan.Reward) (height int64, err error) {
	height = n.Tip.Height
	if !r.miners.begin(bitcoin.UID, &n.Bitcoin, r.options.Now()) {
		return height, errOvertaken
	}
	defer func() { r.miners.end(bitcoin.UID, n.Side, height, r.options.Now()) }()
	at := r.endpoint(bitcoin, n.status)
	credential := r.options.Operator.Current(bitcoin)
	at.User, at.Password, at.PreviousPassword = credential.User, credential.Password, r.options.Operator.previous(bitcoin).Password
	var chain bitcoind.ChainInfo
	if err := r.rpc.Call(ctx, at, bitcoind.GetBlockchainInfo(&chain)); err != nil {
		return height, err
	}
	if chain.BestBlockHash != n.Tip.Hash {
		return height, errOvertaken
	}
	for _, reward := range rewards {
		var hashes []string
		if err := r.options.Fence.Check(); err != nil {
			return height, err
		}
		if err := r.rpc.Call(ctx, at, bitcoind.MineBlocks(n.Ordinal, reward.Blocks, reward.Address, &hashes)); err != nil {
			return height, err
		}
		height += int64(len(hashes))
	}
	return height, nil
}
