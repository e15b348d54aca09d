// Package p2p is a peer of one node on regtest, over any connection with its P2P port, such as a port-forward. A peer hears of blocks and
// transactions at once, and gets and gives them without a credential.
package p2p

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/semaphore"

	"github.com/christianb93/bitcoin-controller/internal/plugin/version"
)

// Net is regtest, which the library names TestNet.
const Net = wire.TestNet

const (
	protocol = wire.ProtocolVersion
	// handshakeTimeout is longer than a node takes that loads its chain.
	handshakeTimeout = 30 * time.Second
	// maxQueued is how many messages a peer keeps for its owner. Nothing is read from the node while so many wait.
	maxQueued = 512
	maxPongs  = 16
	// maxQueuedBytes bounds them too. A larger message waits alone.
	maxQueuedBytes = 8 << 20
	// writeTimeout is how long a node may take to read a message: longer than it takes for the blocks that were given to it before.
	writeTimeout = answerTimeout
	// closeTimeout is how long Close waits for a connection that cannot be closed because something is being written.
	closeTimeout = 2 * time.Second
)

// Options of a peer.
type Options struct {
	// Services that the peer offers. With 0, nodes do not ask it for blocks, and the operator knows that it bridges no partition.
	Services wire.ServiceFlag
	// NoTransactions asks the node not to announce transactions.
	NoTransactions bool
}

// Peer is a connection with a node after the handshake.
type Peer struct {
	conn     net.Conn
	in       *bufio.Reader
	node     *wire.MsgVersion
	received chan received
	// room is what may still be queued.
	room  *semaphore.Weighted
	out   chan write
	pongs chan *wire.MsgPing
	// ended is closed when the connection ends.
	ended    chan struct{}
	end      sync.Once
	err      error
	running  sync.WaitGroup
	uncancel func() bool
}

type received struct {
	message wire.Message
	size    int64
}

type write struct {
	data []byte
	done chan<- error
}

// Dial shakes hands with the node at the other end of the connection, which belongs to the peer from now on. The connection ends with the
// context, or with Close.
func Dial(ctx context.Context, conn net.Conn, options Options) (*Peer, error) {
	p := &Peer{
		conn: conn, in: bufio.NewReader(conn), received: make(chan received, maxQueued), room: semaphore.NewWeighted(maxQueuedBytes), out: make(chan write), pongs: make(chan *wire.MsgPing, maxPongs),
		ended: make(chan struct{}),
	}
	p.uncancel = context.AfterFunc(ctx, func() { p.fail(context.Cause(ctx)) })
	// The connections of port-forward have no deadlines.
	slow := time.AfterFunc(handshakeTimeout, func() { p.fail(fmt.Errorf("no handshake within %s", handshakeTimeout)) })
	shaken := make(chan error, 1)
	go func() { shaken <- p.shake(options) }()
	var err error
	select {
	case err = <-shaken:
	case <-p.ended:
		err = p.err
	}
	if !slow.Stop() && err == nil {
		err = errors.New("the handshake took too long")
	}
	if err != nil {
		p.fail(err)
		p.uncancel()
		return nil, fmt.Errorf("the node's P2P port: %w", p.err)
	}
	p.running.Go(p.read)
	p.running.Go(p.write)
	return p, nil
}

// Node is what the node reports of itself: user agent, services, height.
func (p *Peer) Node() *wire.MsgVersion { return p.node }

// Close ends the connection.
func (p *Peer) Close() {
	p.fail(errClosed)
	p.uncancel()
	closed := make(chan struct{})
	go func() { defer close(closed); p.running.Wait() }()
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
	}
}

var (
	errClosed     = errors.New("the connection is closed")
	errNotReading = fmt.Errorf("the node did not read within %s what it was sent", writeTimeout)
)

// fail ends the connection for a reason, unless it has ended.
func (p *Peer) fail(err error) {
	p.end.Do(func() {
		p.err = err
		close(p.ended)
		go p.conn.Close() //nolint:errcheck // it has no use any more; that of a port-forward waits for what is being written
	})
}

// shake exchanges the version messages (BIP 14, BIP 60). The node waits for ours.
func (p *Peer) shake(options Options) error {
	nonce, err := wire.RandomUint64()
	if err != nil {
		return err
	}
	nobody := wire.NetAddress{IP: net.IPv6zero}
	version := wire.NewMsgVersion(&nobody, &nobody, nonce, 0)
	version.Services, version.UserAgent, version.DisableRelayTx = options.Services, agent(), options.NoTransactions
	if err := p.put(version); err != nil {
		return err
	}
	for {
		message, _, err := p.next()
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *wire.MsgVersion:
			if p.node != nil {
				return errors.New("it sent its version twice")
			}
			p.node = message
			if err := p.put(wire.NewMsgVerAck()); err != nil {
				return err
			}
		case *wire.MsgVerAck:
			if p.node == nil {
				return errors.New("it sent verack before its version")
			}
			return nil
		}
	}
}

// agent is the user agent, by which nodes and the operator know the plugin.
func agent() string { return "/kubectl-btcnet:" + version.Number() + "/" }

// next reads one message that the library knows, and returns its size.
func (p *Peer) next() (wire.Message, int64, error) {
	for {
		size, message, _, err := wire.ReadMessageWithEncodingN(p.in, protocol, Net, wire.WitnessEncoding)
		_, malformed := errors.AsType[*wire.MessageError](err)
		switch {
		case errors.Is(err, wire.ErrUnknownMessage): // one of a later protocol, which may be ignored
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, 0, errors.New("the node closed the connection")
		case malformed:
			return nil, 0, fmt.Errorf("no message of bitcoind on regtest: %w", err)
		default:
			return message, int64(size), err
		}
	}
}

// read passes messages on until the connection ends.
func (p *Peer) read() {
	defer close(p.received)
	open, end := context.WithCancel(context.Background())
	defer end()
	p.running.Go(func() {
		select {
		case <-p.ended:
			end()
		case <-open.Done():
		}
	})
	for {
		message, size, err := p.next()
		if err != nil {
			p.fail(err)
			return
		}
		if ping, ok := message.(*wire.MsgPing); ok {
			select {
			case p.pongs <- ping:
			default: // a node that sends more pings than it reads answers needs none
			}
			continue
		}
		size = min(size, maxQueuedBytes)
		if p.room.Acquire(open, size) != nil {
			return
		}
		select {
		case p.received <- received{message, size}:
		case <-p.ended:
			return
		}
	}
}

// write is the only writer, so that reading never waits for a node that does not read.
func (p *Peer) write() {
	for {
		var err error
		select {
		case w := <-p.out:
			err = p.limited(func() error {
				_, err := p.conn.Write(w.data)
				return err
			})
			w.done <- err
		case ping := <-p.pongs:
			err = p.limited(func() error { return p.put(wire.NewMsgPong(ping.Nonce)) })
		case <-p.ended:
			return
		}
		if err != nil {
			p.fail(err)
			return
		}
	}
}

// limited ends the connection when a write takes too long: connections of port-forward have no deadlines.
func (p *Peer) limited(write func() error) error {
	slow := time.AfterFunc(writeTimeout, func() { p.fail(errNotReading) })
	defer slow.Stop()
	return write()
}

// put writes a message in one piece, which is one frame of a port-forward.
func (p *Peer) put(message wire.Message) error {
	data, err := encode(message)
	if err != nil {
		return err
	}
	_, err = p.conn.Write(data)
	return err
}

func encode(message wire.Message) ([]byte, error) {
	var buffer bytes.Buffer
	_, err := wire.WriteMessageWithEncodingN(&buffer, message, protocol, Net, wire.WitnessEncoding)
	return buffer.Bytes(), err
}
