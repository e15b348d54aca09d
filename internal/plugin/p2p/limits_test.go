package p2p

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// stuck is a connection with a node that stops reading: like that of a port-forward, it has no deadlines, and Close waits for the end of Write.
type stuck struct {
	net.Conn
	stopped, release chan struct{}
}

func (s stuck) Write(data []byte) (int, error) {
	select {
	case <-s.stopped:
		<-s.release
	default:
	}
	return s.Conn.Write(data)
}

func (s stuck) Close() error {
	<-s.release
	return s.Conn.Close()
}

// shakesInTurn never sends while the peer does: net.Pipe has no buffer.
func (s scripted) shakesInTurn() {
	s.receive()
	nobody := &wire.NetAddress{IP: net.IPv6zero}
	s.send(wire.NewMsgVersion(nobody, nobody, 1, 7))
	s.receive()
	s.send(wire.NewMsgVerAck())
}

func TestANodeThatStopsReadingHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go scripted{t, far}.shakesInTurn()
		conn := stuck{near, make(chan struct{}), make(chan struct{})}
		peer, err := Dial(t.Context(), conn, Options{})
		if err != nil {
			t.Fatal(err)
		}
		close(conn.stopped)
		begin := time.Now()
		if err := peer.Give(t.Context(), [][]byte{make([]byte, wire.MaxBlockHeaderPayload)}); err == nil || !strings.Contains(err.Error(), "did not read within 1m0s") {
			t.Errorf("the error is %v", err)
		}
		peer.Close()
		if took := time.Since(begin); took > writeTimeout+closeTimeout {
			t.Errorf("it took %s", took)
		}
		close(conn.release)
		far.Close() //nolint:errcheck // the test has ended
	})
}

func TestLargeMessagesAreQueuedByTheirSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		const size = 1 << 20
		sent := 0
		go func() {
			s := scripted{t, far}
			s.shakesInTurn()
			tx := wire.NewMsgTx(2)
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, nil))
			tx.AddTxOut(wire.NewTxOut(1, make([]byte, size)))
			for range 3 * maxQueuedBytes / size {
				s.send(tx)
				sent++
			}
		}()
		peer, err := Dial(t.Context(), near, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		synctest.Wait()
		// One more is being received.
		if sent < 2 || sent > maxQueuedBytes/size+1 {
			t.Errorf("%d messages of %d bytes were taken from the node", sent, size)
		}
		for i := range 3 * maxQueuedBytes / size {
			if _, err := peer.Receive(t.Context()); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
		}
	})
}

func TestPartsOfLargeBlocksAreShort(t *testing.T) {
	var blocks [][]byte
	for i := range 600 {
		size := 100
		if i >= 300 {
			size = maxPart / 3
		}
		blocks = append(blocks, make([]byte, size))
	}
	count, most := 0, 0
	for part := range parts(blocks) {
		size := 0
		for _, block := range part {
			size += len(block)
		}
		count += len(part)
		most = max(most, size)
		if len(part) > givenAtOnce {
			t.Errorf("a part has %d blocks", len(part))
		}
	}
	if count != len(blocks) || most > maxPart {
		t.Errorf("the parts have %d blocks, one %d bytes", count, most)
	}
}

// counted counts the writes.
type counted struct {
	net.Conn
	writes *atomic.Int32
}

func (c counted) Write(data []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(data)
}

// A write is a frame for each of the programs on the way of a port-forward.
func TestSmallBlocksAreGivenInFewWrites(t *testing.T) {
	blocks := chain(1000)
	var raw [][]byte
	for _, block := range blocks {
		var buffer bytes.Buffer
		if err := block.Serialize(&buffer); err != nil {
			t.Fatal(err)
		}
		raw = append(raw, buffer.Bytes())
	}
	var got atomic.Int32
	conn := counted{serve(t, func(s scripted) {
		s.shakes()
		for {
			switch message := s.receive().(type) {
			case nil:
				return
			case *wire.MsgBlock:
				got.Add(1)
			case *wire.MsgPing:
				s.send(wire.NewMsgPong(message.Nonce))
			}
		}
	}), &atomic.Int32{}}
	peer, err := Dial(t.Context(), conn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := peer.Give(t.Context(), raw); err != nil || int(got.Load()) != len(blocks) {
		t.Fatalf("%d of %d blocks are given (%v)", got.Load(), len(blocks), err)
	}
	if writes := conn.writes.Load(); writes > 12 {
		t.Errorf("%d blocks are given in %d writes", len(blocks), writes)
	}
}
