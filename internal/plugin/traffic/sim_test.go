package traffic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
)

// simBlock is a block of the simulated network.
type simBlock struct {
	previous chainhash.Hash
	height   int64
	txs      []*wire.MsgTx
}

// pool is the mempool of a node.
type pool struct {
	txs     []*wire.MsgTx
	ids     map[chainhash.Hash]bool
	spent   map[wire.OutPoint]bool
	created map[wire.OutPoint]bool
}

func newPool(txs []*wire.MsgTx) *pool {
	p := &pool{ids: map[chainhash.Hash]bool{}, spent: map[wire.OutPoint]bool{}, created: map[wire.OutPoint]bool{}}
	for _, tx := range txs {
		p.add(tx)
	}
	return p
}

func (p *pool) add(tx *wire.MsgTx) {
	p.txs = append(p.txs, tx)
	id := tx.TxHash()
	p.ids[id] = true
	for _, in := range tx.TxIn {
		p.spent[in.PreviousOutPoint] = true
	}
	for i := range tx.TxOut {
		p.created[wire.OutPoint{Hash: id, Index: uint32(i)}] = true
	}
}

// sim is a network of nodes with one chain, whose mempools have the same transactions unless a test separates them.
type sim struct {
	*testing.T
	mu     sync.Mutex
	blocks map[chainhash.Hash]simBlock
	best   chainhash.Hash
	// outputs are the unspent ones of the best chain, and heights those of its transactions.
	outputs map[wire.OutPoint]*wire.TxOut
	heights map[chainhash.Hash]int64
	pools   []*pool
	// connections are the open ones of each node.
	connections []context.CancelCauseFunc
	dialled     []int
	// policy is the reason against a transaction.
	policy func(node int, tx *wire.MsgTx) string
	// swallows reports whether a node loses a transaction without a word.
	swallows func(node int, tx *wire.MsgTx) bool
	serial   uint32
}

func newSim(t *testing.T, nodes int) *sim {
	s := &sim{
		T: t, blocks: map[chainhash.Hash]simBlock{{1}: {}}, best: chainhash.Hash{1}, connections: make([]context.CancelCauseFunc, nodes), dialled: make([]int, nodes),
		policy: func(int, *wire.MsgTx) string { return "" }, swallows: func(int, *wire.MsgTx) bool { return false },
	}
	s.replay()
	s.emptyPools(nodes)
	return s
}

func (s *sim) emptyPools(nodes int) {
	s.pools = nil
	for range nodes {
		s.pools = append(s.pools, newPool(nil))
	}
}

// replay computes the outputs of the best chain.
func (s *sim) replay() {
	var chain []chainhash.Hash
	for at := s.best; at != (chainhash.Hash{}); at = s.blocks[at].previous {
		chain = append(chain, at)
	}
	s.outputs, s.heights = map[wire.OutPoint]*wire.TxOut{}, map[chainhash.Hash]int64{}
	for _, hash := range slices.Backward(chain) {
		s.apply(s.blocks[hash])
	}
}

func (s *sim) apply(b simBlock) {
	for _, tx := range b.txs {
		id := tx.TxHash()
		s.heights[id] = b.height
		for _, in := range tx.TxIn {
			delete(s.outputs, in.PreviousOutPoint)
		}
		for i, out := range tx.TxOut {
			s.outputs[wire.OutPoint{Hash: id, Index: uint32(i)}] = out
		}
	}
}

// reason against a transaction, as bitcoind's.
func (s *sim) reason(node int, tx *wire.MsgTx) string {
	id, p := tx.TxHash(), s.pools[node]
	if _, confirmed := s.heights[id]; confirmed {
		return "txn-already-known"
	}
	if p.ids[id] {
		return "txn-already-in-mempool"
	}
	for _, in := range tx.TxIn {
		if at := in.PreviousOutPoint; s.outputs[at] == nil && !p.created[at] || p.spent[at] {
			return "missing-inputs"
		}
	}
	return s.policy(node, tx)
}

// accept takes a transaction into all mempools.
func (s *sim) accept(node int, tx *wire.MsgTx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swallows(node, tx) || s.reason(node, tx) != "" {
		return
	}
	for i, p := range s.pools {
		if s.reason(i, tx) == "" {
			p.add(tx)
		}
	}
}

func (s *sim) Coins(context.Context) ([]ledger.Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	coinbases := map[chainhash.Hash]int64{}
	for _, b := range s.blocks {
		if len(b.txs) > 0 {
			coinbases[b.txs[0].TxHash()] = b.height
		}
	}
	var found []ledger.Found
	for point, out := range s.outputs {
		height, reward := coinbases[point.Hash]
		if !s.pools[0].spent[point] && (!reward || s.blocks[s.best].height-height >= faucet.Maturity) {
			found = append(found, ledger.Found{OutPoint: point, Value: amount.Satoshis(out.Value), Script: out.PkScript})
		}
	}
	return found, nil
}

func (s *sim) Tip(context.Context, int) (faucet.Tip, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return faucet.Tip{Height: s.blocks[s.best].height, Hash: s.best.String()}, nil
}

func (s *sim) Block(_ context.Context, _ int, hash chainhash.Hash) (Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blocks[hash]
	if !ok {
		return Block{}, errors.New("no such block")
	}
	block := Block{Previous: b.previous}
	for _, tx := range b.txs {
		block.TxIDs = append(block.TxIDs, tx.TxHash())
	}
	return block, nil
}

func (s *sim) Mempool(_ context.Context, node int) ([]chainhash.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.pools[node].ids)), nil
}

func (s *sim) Rejection(_ context.Context, node int, tx *wire.MsgTx) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason(node, tx), nil
}

func (s *sim) Await(context.Context, faucet.Tip) error { return nil }

func (s *sim) Mine(_ context.Context, node int, blocks int64, to string) (faucet.Tip, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	decoded, err := address.DecodeAddress(to, &chaincfg.RegressionNetParams)
	if err != nil {
		return faucet.Tip{}, err
	}
	script, err := txscript.PayToAddrScript(decoded)
	if err != nil {
		return faucet.Tip{}, err
	}
	for range blocks {
		s.add(script, s.pools[node].txs)
		s.emptyPools(len(s.pools))
	}
	return faucet.Tip{Height: s.blocks[s.best].height, Hash: s.best.String()}, nil
}

func (s *sim) add(script []byte, txs []*wire.MsgTx) {
	s.serial++
	height := s.blocks[s.best].height + 1
	coinbase := wire.NewMsgTx(2)
	coinbase.LockTime = s.serial
	coinbase.AddTxOut(wire.NewTxOut(int64(amount.Subsidy(height)), script))
	var hash chainhash.Hash
	copy(hash[:], fmt.Sprintf("block %d", s.serial))
	s.blocks[hash] = simBlock{s.best, height, append([]*wire.MsgTx{coinbase}, txs...)}
	s.best = hash
	s.apply(s.blocks[hash])
}

// reorganise replaces the last blocks by one more, without transactions. Those of the old ones are in the mempools again.
func (s *sim) reorganise(depth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var again []*wire.MsgTx
	for range depth {
		again = append(slices.Clone(s.blocks[s.best].txs[1:]), again...)
		s.best = s.blocks[s.best].previous
	}
	s.replay()
	for range depth + 1 {
		s.add([]byte{0x51}, nil)
	}
	for i, p := range s.pools {
		s.pools[i] = newPool(append(slices.Clone(again), p.txs...))
	}
}

// restart ends the connection of a node, whose mempool is lost in the whole network.
func (s *sim) restart(node int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptyPools(len(s.pools))
	s.connections[node](errors.New("the node closed the connection"))
}

// simPeer is a connection with a node.
type simPeer struct {
	*sim
	node int
	//nolint:containedctx // the lifetime of the connection
	ctx context.Context
	end context.CancelCauseFunc
}

func (s *sim) connect(_ context.Context, node int) (Peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled[node]++
	ctx, end := context.WithCancelCause(context.Background())
	s.connections[node] = end
	return &simPeer{s, node, ctx, end}, nil
}

func (p *simPeer) Send(_ context.Context, message wire.Message) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if tx, ok := message.(*wire.MsgTx); ok {
		p.accept(p.node, tx)
	}
	return nil
}

func (p *simPeer) Receive(ctx context.Context) (wire.Message, error) {
	select {
	case <-p.ctx.Done():
		return nil, context.Cause(p.ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *simPeer) Close() { p.end(errors.New("closed")) }
