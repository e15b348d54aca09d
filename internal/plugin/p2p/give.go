package p2p

import (
	"context"
	"errors"
	"io"

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

// givenAtOnce is how many blocks follow each other before the node answers a ping.
const givenAtOnce = 200

// Give sends blocks, which the node has not requested: bitcoind accepts those that follow its best block, one after the other. It returns
// when the node has processed all of them. A node that rejects a block closes the connection.
func (p *Peer) Give(ctx context.Context, blocks [][]byte) error {
	var before uint64
	for i, block := range blocks {
		if err := p.Send(ctx, RawBlock(block)); err != nil {
			return err
		}
		if (i+1)%givenAtOnce != 0 {
			continue
		}
		// The answer to the ping before is awaited, so that there is always something to do for the node.
		nonce, err := p.ping(ctx)
		if err == nil && before != 0 {
			err = p.pong(ctx, before)
		}
		if err != nil {
			return err
		}
		before = nonce
	}
	nonce, err := p.ping(ctx)
	if err != nil {
		return err
	}
	return p.pong(ctx, nonce)
}

// Sync returns when the node has processed all that was sent to it, since it processes the messages of a peer in their order.
func (p *Peer) Sync(ctx context.Context) error { return p.Give(ctx, nil) }

func (p *Peer) ping(ctx context.Context) (uint64, error) {
	nonce, err := wire.RandomUint64()
	if err != nil {
		return 0, err
	}
	nonce |= 1 // 0 is none
	return nonce, p.Send(ctx, wire.NewMsgPing(nonce))
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
