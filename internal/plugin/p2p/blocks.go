package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Genesis is the first block of regtest.
func Genesis() chainhash.Hash { return *chaincfg.RegressionNetParams.GenesisHash }

const (
	// answerTimeout is how long a node may take for an answer while other peers keep it busy.
	answerTimeout = time.Minute
	// maxRequested are blocks that were requested and have not come.
	maxRequested = 128
)

var errNoAnswer = fmt.Errorf("the node did not answer within %s", answerTimeout)

// Headers returns up to 2000 headers of the node's best chain after the first hash of the locator that is in it. The node knows then what the
// peer has: after the message sendheaders it announces the blocks that follow by their headers, without it, or without this call, by inv.
func (p *Peer) Headers(ctx context.Context, locator ...chainhash.Hash) ([]*wire.BlockHeader, error) {
	request := wire.NewMsgGetHeaders()
	request.ProtocolVersion = protocol
	for i := range locator {
		if err := request.AddBlockLocatorHash(&locator[i]); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errNoAnswer)
	defer cancel()
	if err := p.Send(ctx, request); err != nil {
		return nil, cause(ctx, err)
	}
	for {
		message, err := p.Receive(ctx)
		if err != nil {
			return nil, cause(ctx, err)
		}
		if headers, ok := message.(*wire.MsgHeaders); ok {
			return headers.Headers, nil
		}
	}
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// Chain returns the headers of the node's best chain after the genesis block, at most limit of them. Each has the hash of the one before.
func (p *Peer) Chain(ctx context.Context, limit int) ([]*wire.BlockHeader, error) {
	var chain []*wire.BlockHeader
	tip := Genesis()
	for {
		headers, err := p.Headers(ctx, tip)
		if err != nil || len(headers) == 0 {
			return chain, err
		}
		for _, header := range headers {
			if header.PrevBlock != tip {
				return nil, fmt.Errorf("the node's headers are no chain: block %d does not follow block %s; its chain may change, try again", len(chain)+1, tip)
			}
			chain, tip = append(chain, header), header.BlockHash()
		}
		if len(chain) > limit {
			return nil, fmt.Errorf("the node's chain has more than %d blocks", limit)
		}
	}
}

// Blocks gets blocks, with witnesses, in the order of their hashes.
func (p *Peer) Blocks(ctx context.Context, hashes []chainhash.Hash, take func(*wire.MsgBlock) error) error {
	requested := 0
	for taken := range hashes {
		if requested-taken <= maxRequested/2 && requested < len(hashes) {
			end := min(taken+maxRequested, len(hashes))
			if err := p.request(ctx, hashes[requested:end]); err != nil {
				return err
			}
			requested = end
		}
		block, err := p.block(ctx, hashes[taken])
		if err != nil {
			return err
		}
		if err := take(block); err != nil {
			return err
		}
	}
	return nil
}

func (p *Peer) request(ctx context.Context, hashes []chainhash.Hash) error {
	request := wire.NewMsgGetDataSizeHint(uint(len(hashes)))
	for i := range hashes {
		if err := request.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &hashes[i])); err != nil {
			return err
		}
	}
	return p.Send(ctx, request)
}

// block waits for the block that was requested first.
func (p *Peer) block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errNoAnswer)
	defer cancel()
	for {
		message, err := p.Receive(ctx)
		if err != nil {
			return nil, cause(ctx, err)
		}
		switch message := message.(type) {
		case *wire.MsgBlock:
			if got := message.BlockHash(); got != hash {
				return nil, fmt.Errorf("the node sent block %s, and not the requested %s", got, hash)
			}
			return message, nil
		case *wire.MsgNotFound:
			return nil, fmt.Errorf("the node does not have block %s: it may be pruned", hash)
		}
	}
}
