package traffic

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
)

const (
	// maxWalk is the number of blocks that are read back from the best one, less than the ledger keeps.
	maxWalk = 140
	// askTimeout is how long a node may take for an answer, and mineTimeout for a block: one that hangs must not hold up what concerns others.
	askTimeout, mineTimeout = 10 * time.Second, 20 * time.Second
)

// hasty are Nodes whose answers to questions have a limit.
type hasty struct{ Nodes }

func within[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return ask(ctx)
}

func (h hasty) Tip(ctx context.Context, node int) (faucet.Tip, error) {
	return within(ctx, func(ctx context.Context) (faucet.Tip, error) { return h.Nodes.Tip(ctx, node) })
}

func (h hasty) Block(ctx context.Context, node int, hash chainhash.Hash) (Block, error) {
	return within(ctx, func(ctx context.Context) (Block, error) { return h.Nodes.Block(ctx, node, hash) })
}

func (h hasty) Height(ctx context.Context, node int, hash chainhash.Hash) (int64, error) {
	return within(ctx, func(ctx context.Context) (int64, error) { return h.Nodes.Height(ctx, node, hash) })
}

func (h hasty) At(ctx context.Context, node int, height int64) (chainhash.Hash, error) {
	return within(ctx, func(ctx context.Context) (chainhash.Hash, error) { return h.Nodes.At(ctx, node, height) })
}

func (h hasty) Mempool(ctx context.Context, node int) ([]chainhash.Hash, error) {
	return within(ctx, func(ctx context.Context) ([]chainhash.Hash, error) { return h.Nodes.Mempool(ctx, node) })
}

func (h hasty) Rejection(ctx context.Context, node int, tx *wire.MsgTx) (string, error) {
	return within(ctx, func(ctx context.Context) (string, error) { return h.Nodes.Rejection(ctx, node, tx) })
}

// follow connects the blocks that were mined since the last check, as a node reports them: the one that answered last, or else the next.
func (s *Stream) follow(ctx context.Context) error {
	var last error
	for range s.Pods {
		if last = s.followOn(ctx, s.guide); last == nil || ctx.Err() != nil {
			return last
		}
		s.guide = (s.guide + 1) % len(s.Pods)
	}
	return last
}

var (
	errBehind  = errors.New("the node is behind")
	errChanges = errors.New("the chain changes")
)

// read is a block that was read.
type read struct {
	hash  chainhash.Hash
	block Block
}

func (s *Stream) followOn(ctx context.Context, node int) error {
	tip, err := s.Nodes.Tip(ctx, node)
	if err != nil {
		return err
	}
	hash, err := chainhash.NewHashFromStr(tip.Hash)
	if err != nil {
		return err
	}
	if s.begin(*hash) {
		s.height = tip.Height
		return nil
	}
	var added []read
	at := *hash
	// The first block of a chain has a zero hash for the one before.
	for !s.follows(at) && at != (chainhash.Hash{}) && len(added) < maxWalk {
		block, err := s.Nodes.Block(ctx, node, at)
		if err != nil {
			return err
		}
		added = append(added, read{at, block})
		at = block.Previous
	}
	if !s.follows(at) {
		if done, err := s.catchUp(ctx, node, tip); done || err != nil {
			return err
		}
	}
	slices.Reverse(added)
	s.replace(at, added)
	s.height = tip.Height
	return nil
}

// begin follows the chain from a block on, as long as the wallets have sent nothing: while they get their coins, others may mine hundreds of
// blocks, and to read these would take minutes.
func (s *Stream) begin(at chainhash.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Begin(at)
}

// replace takes blocks off the chain as far as one of it, and connects others.
func (s *Stream) replace(after chainhash.Hash, by []read) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for last, ok := s.book.Tip(); ok && last != after; last, ok = s.book.Tip() {
		s.book.Disconnect()
	}
	for _, r := range by {
		s.book.Connect(r.hash, r.block.TxIDs)
	}
}

// catchUp follows more blocks than a walk back reaches, such as when the program was asleep. It does nothing and returns false if all known
// blocks were replaced: those of the walk take their place.
func (s *Stream) catchUp(ctx context.Context, node int, tip faucet.Tip) (done bool, err error) {
	if tip.Height < s.height {
		return false, errBehind
	}
	at, _ := s.tip()
	height, err := s.Nodes.Height(ctx, node, at)
	if err != nil || height < 0 {
		return false, err
	}
	for height++; height <= tip.Height; height++ {
		hash, err := s.Nodes.At(ctx, node, height)
		if err != nil {
			return false, err
		}
		block, err := s.Nodes.Block(ctx, node, hash)
		if err != nil {
			return false, err
		}
		if block.Previous != at {
			return false, errChanges
		}
		s.replace(at, []read{{hash, block}})
		at, s.height = hash, height
	}
	return true, nil
}
