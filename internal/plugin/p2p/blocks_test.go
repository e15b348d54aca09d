package p2p

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// gives is a node with a chain, which answers as bitcoind does, until the connection ends.
func gives(blocks []*wire.MsgBlock) func(s scripted) {
	at := map[chainhash.Hash]int{Genesis(): 0}
	for i, block := range blocks {
		at[block.BlockHash()] = i + 1
	}
	return func(s scripted) {
		s.shakes()
		for {
			switch message := s.receive().(type) {
			case nil:
				return
			case *wire.MsgGetHeaders:
				from := at[*message.BlockLocatorHashes[0]]
				headers := wire.NewMsgHeaders()
				for _, block := range blocks[from:min(from+wire.MaxBlockHeadersPerMsg, len(blocks))] {
					if err := headers.AddBlockHeader(&block.Header); err != nil {
						s.Error(err)
					}
				}
				s.send(wire.NewMsgFeeFilter(1), headers)
			case *wire.MsgGetData:
				for _, item := range message.InvList {
					i, known := at[item.Hash]
					if item.Type != wire.InvTypeWitnessBlock || !known || i == 0 {
						missing := wire.NewMsgNotFound()
						if err := missing.AddInvVect(item); err != nil {
							s.Error(err)
						}
						s.send(missing)
						continue
					}
					s.send(blocks[i-1])
				}
			}
		}
	}
}

func TestTheWholeChainOfANodeIsRead(t *testing.T) {
	want := chain(4500)
	peer := dial(t, Options{}, gives(want))
	headers, err := peer.Chain(t.Context(), 5000)
	if err != nil || len(headers) != len(want) {
		t.Fatalf("%d headers (%v)", len(headers), err)
	}
	hashes := make([]chainhash.Hash, len(headers))
	for i, header := range headers {
		hashes[i] = header.BlockHash()
	}
	taken := 0
	err = peer.Blocks(t.Context(), hashes, func(block *wire.MsgBlock) error {
		if block.BlockHash() != want[taken].BlockHash() || !block.Transactions[0].HasWitness() {
			t.Errorf("block %d is another one, or lacks its witness", taken)
		}
		taken++
		return nil
	})
	if err != nil || taken != len(want) {
		t.Errorf("%d blocks (%v)", taken, err)
	}
	if _, err := peer.Chain(t.Context(), 4499); err == nil || !strings.Contains(err.Error(), "more than 4499 blocks") {
		t.Errorf("beyond the limit: %v", err)
	}
	stop := errors.New("enough")
	if err := peer.Blocks(t.Context(), hashes, func(*wire.MsgBlock) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of the caller is %v", err)
	}
}

func TestANodeThatGivesWrongBlocksIsNamed(t *testing.T) {
	blocks := chain(3)
	peer := dial(t, Options{}, gives(blocks))
	missing := chainhash.Hash{1}
	if err := peer.Blocks(t.Context(), []chainhash.Hash{missing}, nil); err == nil || !strings.Contains(err.Error(), "does not have block "+missing.String()) {
		t.Errorf("a missing block: %v", err)
	}
	wrong := func(s scripted) {
		s.shakes()
		s.receive()
		s.send(blocks[1])
		s.receive() // until the peer has gone
	}
	peer = dial(t, Options{}, wrong)
	if err := peer.Blocks(t.Context(), []chainhash.Hash{blocks[0].BlockHash()}, nil); err == nil || !strings.Contains(err.Error(), "and not the requested "+blocks[0].BlockHash().String()) {
		t.Errorf("another block: %v", err)
	}
	peer = dial(t, Options{}, gives(blocks[1:])) // its first header does not follow the genesis block
	if _, err := peer.Chain(t.Context(), 10); err == nil || !strings.Contains(err.Error(), "are no chain: block 1 does not follow") {
		t.Errorf("headers that do not link: %v", err)
	}
}

func TestGivenBlocksAreProcessedWhenItReturns(t *testing.T) {
	blocks := chain(3*givenAtOnce + 7)
	var raw [][]byte
	for _, block := range blocks {
		var buffer bytes.Buffer
		if err := block.Serialize(&buffer); err != nil {
			t.Fatal(err)
		}
		raw = append(raw, buffer.Bytes())
	}
	var got, announced atomic.Int32
	peer := dial(t, Options{}, func(s scripted) {
		s.shakes()
		have := map[chainhash.Hash]bool{}
		for {
			switch message := s.receive().(type) {
			case nil:
				return
			case *wire.MsgHeaders:
				for _, header := range message.Headers {
					if header.BlockHash() != blocks[announced.Load()].BlockHash() {
						t.Errorf("header %d is another one", announced.Load())
					}
					announced.Add(1)
				}
			case *wire.MsgBlock:
				// As bitcoind does: none that is too far ahead, none twice, and those that follow are connected.
				at := slices.IndexFunc(blocks, func(b *wire.MsgBlock) bool { return b.BlockHash() == message.BlockHash() })
				if at >= int(got.Load())+288 || at >= int(announced.Load()) || have[message.BlockHash()] || !message.Transactions[0].HasWitness() {
					t.Errorf("block %d comes twice, too early, or lacks its witness: %d are connected", at, got.Load())
				}
				have[message.BlockHash()] = true
				for int(got.Load()) < len(blocks) && have[blocks[got.Load()].BlockHash()] {
					got.Add(1)
				}
			case *wire.MsgPing:
				s.send(wire.NewMsgPong(1), wire.NewMsgMemPool(), wire.NewMsgPong(message.Nonce))
			}
		}
	})
	if err := peer.Give(t.Context(), raw); err != nil || int(got.Load()) != len(blocks) {
		t.Errorf("the node has %d of %d blocks (%v)", got.Load(), len(blocks), err)
	}
	rejecting := dial(t, Options{}, func(s scripted) { s.shakes(); s.receive() })
	if err := rejecting.Give(t.Context(), raw); err == nil {
		t.Error("a node that closes the connection has taken the blocks")
	}
}
