package p2p

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"
)

// Send sends a message, and returns when it is written. Several may be sent at the same time.
func (p *Peer) Send(ctx context.Context, message wire.Message) error {
	return p.sendAll(ctx, []wire.Message{message})
}

// maxTogether is the size from which messages are written without waiting for more.
const maxTogether = 256 << 10

// sendAll sends messages in few writes. Each write passes five programs on its way through a port-forward, which costs more than the content of
// a small block.
func (p *Peer) sendAll(ctx context.Context, messages []wire.Message) error {
	var together []byte
	for i, message := range messages {
		data, err := encode(message)
		if err != nil {
			return err
		}
		if together = append(together, data...); len(together) < maxTogether && i < len(messages)-1 {
			continue
		}
		if err := p.enqueue(ctx, together); err != nil {
			return err
		}
		together = nil
	}
	return nil
}

// enqueue returns when the data is written.
func (p *Peer) enqueue(ctx context.Context, data []byte) error {
	done := make(chan error, 1)
	select {
	case p.out <- write{data, done}:
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-p.ended:
		select {
		case err := <-done: // written, and then the connection ended
			return err
		default:
			return p.err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Receive returns the next message. Those of the handshake and pings are answered and not returned. Whoever does not read what the node
// sends keeps it from sending more.
func (p *Peer) Receive(ctx context.Context) (wire.Message, error) {
	select {
	case next, ok := <-p.received:
		if !ok {
			<-p.ended
			return nil, p.err
		}
		p.room.Release(next.size)
		return next.message, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
