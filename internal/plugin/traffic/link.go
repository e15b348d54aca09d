package traffic

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/plugin/ledger"
)

// Peer is a connection with a node after the handshake, such as *p2p.Peer.
type Peer interface {
	Send(ctx context.Context, message wire.Message) error
	Receive(ctx context.Context) (wire.Message, error)
	Close()
}

const (
	// maxQueued are the transactions that wait for a connection.
	maxQueued = 5000
	// sendLimit is how long a node may take to read a message.
	sendLimit = 15 * time.Second
	// pingInterval is the time between two pings; a connection without any message for silence is taken for lost.
	pingInterval = 15 * time.Second
	silence      = time.Minute

	firstRetry, lastRetry = 200 * time.Millisecond, 5 * time.Second
)

// link is the connection with one node.
type link struct {
	queue chan *ledger.Tx
	up    atomic.Bool
}

// ready reports whether the node takes transactions now.
func (l *link) ready() bool { return l.up.Load() && len(l.queue) < cap(l.queue)/2 }

// push does not wait: what finds no room is sent again by a later check.
func (l *link) push(tx *ledger.Tx) {
	select {
	case l.queue <- tx:
	default:
	}
}

// serve keeps the connection with a node open.
func (s *Stream) serve(ctx context.Context, node int) {
	retry, complained := firstRetry, false
	for ctx.Err() == nil {
		peer, err := s.Connect(ctx, node)
		if err == nil {
			if complained {
				s.Note("%s is connected again.", s.Pods[node])
			}
			retry, complained = firstRetry, false
			err = s.drive(ctx, node, peer)
			peer.Close()
		}
		if ctx.Err() != nil {
			return
		}
		if !complained {
			s.Note("The connection with %s is lost, and is opened again: %s", s.Pods[node], err.Error())
			complained = true
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
		retry = min(2*retry, lastRetry)
	}
}

var errSilent = errors.New("it has sent nothing for a minute")

// drive sends transactions over a connection until it ends. What is pending is sent first: it may be lost with the connection before.
func (s *Stream) drive(ctx context.Context, node int, peer Peer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			message, err := peer.Receive(ctx)
			if err != nil {
				cancel(err)
				return
			}
			heard.Store(time.Now().UnixNano())
			s.answer(ctx, peer, message)
		}
	}()
	defer func() { cancel(nil); <-ended }()
	link := s.links[node]
	for len(link.queue) > 0 {
		<-link.queue // it is pending
	}
	link.up.Store(true)
	defer link.up.Store(false)
	for _, tx := range s.pendingOf(node) {
		if err := handOver(ctx, peer, tx.Msg); err != nil {
			return err
		}
	}
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		var message wire.Message
		select {
		case tx := <-link.queue:
			message = tx.Msg
		case <-ping.C:
			if time.Since(time.Unix(0, heard.Load())) > silence {
				return errSilent
			}
			message = wire.NewMsgPing(uint64(time.Now().UnixNano())) //nolint:gosec // any number
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := handOver(ctx, peer, message); err != nil {
			return err
		}
	}
}

func (s *Stream) pendingOf(node int) []*ledger.Tx {
	s.mu.Lock()
	defer s.mu.Unlock()
	var of []*ledger.Tx
	for _, tx := range s.book.Pending() {
		if tx.From == node {
			of = append(of, tx)
		}
	}
	return of
}

func handOver(ctx context.Context, peer Peer, message wire.Message) error {
	limited, cancel := context.WithTimeoutCause(ctx, sendLimit, errors.New("it does not read what it is sent"))
	defer cancel()
	err := peer.Send(limited, message)
	if err != nil && limited.Err() != nil {
		return context.Cause(limited)
	}
	return err
}

// answer gives a node the transactions that it requests, such as the parents of one that came too early.
func (s *Stream) answer(ctx context.Context, peer Peer, message wire.Message) {
	request, ok := message.(*wire.MsgGetData)
	if !ok {
		return
	}
	for _, item := range request.InvList {
		if item.Type != wire.InvTypeTx && item.Type != wire.InvTypeWitnessTx {
			continue
		}
		s.mu.Lock()
		tx := s.book.Tx(item.Hash)
		s.mu.Unlock()
		if tx != nil {
			_ = handOver(ctx, peer, tx.Msg) // the end of the connection is found by Receive
		}
	}
}
