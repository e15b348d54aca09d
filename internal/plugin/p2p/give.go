package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// RawBlock is a block as it was read, which is sent as it is.
type RawBlock []byte

// Command implements wire.Message.
func (RawBlock) Command() string { return wire.CmdBlock }

// BtcEncode implements wire.Message.
func (b RawBlock) BtcEncode(w io.Writer, _ uint32, _ wire.MessageEncoding) error {
	_, err := w.Write(b)
	return err
}

// BtcDecode implements wire.Message; blocks are received decoded.
func (RawBlock) BtcDecode(io.Reader, uint32, wire.MessageEncoding) error {
	return errors.New("a raw block is only sent")
}

// MaxPayloadLength implements wire.Message.
func (RawBlock) MaxPayloadLength(uint32) uint32 { return wire.MaxBlockPayload }

const (
	// givenAtOnce is less than the 288 blocks that bitcoind takes ahead of its best block without having requested them.
	givenAtOnce = 256
	// maxPart is the size of blocks that a slow node too connects before answerTimeout.
	maxPart = 16 << 20
)

// parts are the blocks that are given at once.
func parts(blocks [][]byte) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		for len(blocks) > 0 {
			end, size := 1, len(blocks[0])
			for end < min(len(blocks), givenAtOnce) && size+len(blocks[end]) <= maxPart {
				size += len(blocks[end])
				end++
			}
			if !yield(blocks[:end]) {
				return
			}
			blocks = blocks[end:]
		}
	}
}

// Give sends the blocks that follow the best block of a node, or one before it, which the node has not requested. It returns when the node has
// processed all of them. A node that rejects a block closes the connection.
//
// The first block of each part comes last: the node then connects all blocks of the part at once, and announces only the last one to its
// peers. One after the other, it would announce each, and nodes that get the same chain side by side would spend most of their time on it.
func (p *Peer) Give(ctx context.Context, blocks [][]byte) error {
	if err := p.announce(ctx, blocks); err != nil {
		return err
	}
	var before uint64
	for part := range parts(blocks) {
		ping, err := newPing()
		if err != nil {
			return err
		}
		var messages []wire.Message
		for _, block := range append(part[1:len(part):len(part)], part[0]) {
			messages = append(messages, RawBlock(block))
		}
		err = p.sendAll(ctx, append(messages, ping))
		// The answer to the ping before is awaited, so that there is always something to do for the node.
		if err == nil && before != 0 {
			err = p.pong(ctx, before)
		}
		if err != nil {
			return err
		}
		before = ping.Nonce
	}
	return p.Sync(ctx)
}

// announce sends the headers, without which a node takes no block before the one that it follows.
func (p *Peer) announce(ctx context.Context, blocks [][]byte) error {
	for part := range slices.Chunk(blocks, wire.MaxBlockHeadersPerMsg) {
		message := wire.NewMsgHeaders()
		for _, block := range part {
			var header wire.BlockHeader
			if err := header.Deserialize(bytes.NewReader(block)); err != nil {
				return fmt.Errorf("the header of a block cannot be decoded: %w", err)
			}
			if err := message.AddBlockHeader(&header); err != nil {
				return err
			}
		}
		if err := p.Send(ctx, message); err != nil {
			return err
		}
	}
	return nil
}

// Sync returns when the node has processed all that was sent to it, since it processes the messages of a peer in their order.
func (p *Peer) Sync(ctx context.Context) error {
	ping, err := newPing()
	if err == nil {
		err = p.Send(ctx, ping)
	}
	if err != nil {
		return err
	}
	return p.pong(ctx, ping.Nonce)
}

func newPing() (*wire.MsgPing, error) {
	nonce, err := wire.RandomUint64()
	return wire.NewMsgPing(nonce | 1), err // 0 is none
}

func (p *Peer) pong(ctx context.Context, nonce uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errNoAnswer)
	defer cancel()
	for {
		message, err := p.Receive(ctx)
		if err != nil {
			return cause(ctx, err)
		}
		if pong, ok := message.(*wire.MsgPong); ok && pong.Nonce == nonce {
			return nil
		}
	}
}
