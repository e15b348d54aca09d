package p2p

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// scripted is the other end of a connection: a node that does what a test wants.
type scripted struct {
	*testing.T
	net.Conn
}

// serve starts a node on the loopback interface, and returns a connection with it.
func serve(t *testing.T, script func(s scripted)) net.Conn {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close() //nolint:errcheck // the test has ended
		script(scripted{t, conn})
	}()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()     //nolint:errcheck // the peer may have closed it
		listener.Close() //nolint:errcheck // it was only listening
		<-done
	})
	return conn
}

func (s scripted) send(messages ...wire.Message) {
	for _, message := range messages {
		if _, err := wire.WriteMessageWithEncodingN(s.Conn, message, protocol, Net, wire.WitnessEncoding); err != nil {
			s.Log(err) // the peer has closed the connection
			return
		}
	}
}

// receive returns the next message, nil at the end.
func (s scripted) receive() wire.Message {
	_, message, _, err := wire.ReadMessageWithEncodingN(s.Conn, protocol, Net, wire.WitnessEncoding)
	if err != nil {
		s.Log(err)
	}
	return message
}

// raw writes a message that the library does not know, or whose header lies.
func (s scripted) raw(magic wire.BitcoinNet, command string, length int, payload []byte) {
	header := make([]byte, wire.MessageHeaderSize)
	binary.LittleEndian.PutUint32(header, uint32(magic))
	copy(header[4:], command)
	binary.LittleEndian.PutUint32(header[16:], uint32(length))
	copy(header[20:], chainhash.DoubleHashB(payload)[:4])
	if _, err := s.Write(append(header, payload...)); err != nil {
		s.Log(err)
	}
}

// shakes answers the handshake as bitcoind does, with the messages of later protocols between, and returns what the peer sent.
func (s scripted) shakes() *wire.MsgVersion {
	theirs, ok := s.receive().(*wire.MsgVersion)
	if !ok {
		s.Error("the peer does not begin with its version")
		return &wire.MsgVersion{}
	}
	nobody := &wire.NetAddress{IP: net.IPv6zero}
	ours := wire.NewMsgVersion(nobody, nobody, 1, 7)
	ours.UserAgent = "/node/"
	s.send(ours)
	s.raw(Net, "wtxidrelay", 0, nil)
	s.raw(Net, "sendtxrcncl", 12, make([]byte, 12))
	s.send(wire.NewMsgSendAddrV2(), wire.NewMsgVerAck())
	if _, ok := s.receive().(*wire.MsgVerAck); !ok {
		s.Error("the peer does not accept the version")
	}
	return theirs
}

func dial(t *testing.T, options Options, script func(s scripted)) *Peer {
	t.Helper()
	peer, err := Dial(t.Context(), serve(t, script), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

func TestAPeerShakesHandsAndAnswersPings(t *testing.T) {
	sent := make(chan *wire.MsgVersion, 1)
	peer := dial(t, Options{Services: wire.SFNodeNetwork, NoTransactions: true}, func(s scripted) {
		sent <- s.shakes()
		s.send(wire.NewMsgPing(42))
		got := map[string]wire.Message{}
		for range 2 { // in any order
			if message := s.receive(); message != nil {
				got[message.Command()] = message
			}
		}
		if pong, ok := got[wire.CmdPong].(*wire.MsgPong); !ok || pong.Nonce != 42 || got[wire.CmdSendHeaders] == nil {
			t.Errorf("the peer sent %v", got)
		}
		s.send(wire.NewMsgMemPool())
	})
	version := <-sent
	if !strings.HasPrefix(version.UserAgent, "/kubectl-btcnet:") || version.Services != wire.SFNodeNetwork || !version.DisableRelayTx {
		t.Errorf("the peer reports %+v", version)
	}
	if peer.Node().LastBlock != 7 || peer.Node().UserAgent != "/node/" {
		t.Errorf("of the node it knows %+v", peer.Node())
	}
	if err := peer.Send(t.Context(), wire.NewMsgSendHeaders()); err != nil {
		t.Fatal(err)
	}
	if message, err := peer.Receive(t.Context()); err != nil || message.Command() != wire.CmdMemPool {
		t.Errorf("received %v (%v)", message, err)
	}
	if message, err := peer.Receive(t.Context()); message != nil || err == nil || err.Error() != "the node closed the connection" {
		t.Errorf("after the end: %v, %v", message, err)
	}
	if err := peer.Send(t.Context(), wire.NewMsgSendHeaders()); err == nil {
		t.Error("a message can be sent after the end")
	}
}

func TestANodeThatIsNoneEndsTheHandshake(t *testing.T) {
	for name, c := range map[string]struct {
		script func(s scripted)
		want   string
	}{
		"it closes":        {func(scripted) {}, "the node closed the connection"},
		"another network":  {func(s scripted) { s.raw(wire.MainNet, "version", 0, nil) }, "no message of bitcoind on regtest"},
		"a huge length":    {func(s scripted) { s.raw(Net, "version", 1<<31, nil) }, "no message of bitcoind on regtest"},
		"garbage":          {func(s scripted) { _, _ = s.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "no message of bitcoind on regtest"},
		"no version":       {func(s scripted) { s.send(wire.NewMsgVerAck()) }, "it sent verack before its version"},
		"a cut message":    {func(s scripted) { s.raw(Net, "version", 100, []byte("x")) }, "the node closed the connection"},
		"a wrong checksum": {func(s scripted) { s.raw(Net, "ping", 8, []byte("12345678x")) }, "no message of bitcoind on regtest"},
	} {
		conn := serve(t, func(s scripted) {
			s.receive()
			c.script(s)
		})
		if _, err := Dial(t.Context(), conn, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, without %q", name, err, c.want)
		}
	}
}

func TestTheContextAndCloseEndAConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	peer, err := Dial(ctx, serve(t, func(s scripted) { s.shakes(); s.receive() }), Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := peer.Receive(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
	peer.Close()
	peer = dial(t, Options{}, func(s scripted) { s.shakes(); s.receive() })
	peer.Close()
	peer.Close()
	if _, err := peer.Receive(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	// The handshake ends with the context too.
	ctx, cancel = context.WithCancel(t.Context())
	conn := serve(t, func(s scripted) { s.receive(); cancel(); s.receive() })
	if _, err := Dial(ctx, conn, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled handshake: %v", err)
	}
}

// A peer whose owner does not read must not keep a message from being sent.
func TestSendingDoesNotWaitForReading(t *testing.T) {
	flooded := make(chan struct{})
	peer := dial(t, Options{}, func(s scripted) {
		s.shakes()
		for range maxQueued + 10 {
			s.send(wire.NewMsgMemPool())
		}
		close(flooded)
		if _, ok := s.receive().(*wire.MsgGetAddr); !ok {
			t.Error("the message did not come")
		}
	})
	<-flooded
	if err := peer.Send(t.Context(), wire.NewMsgGetAddr()); err != nil {
		t.Error(err)
	}
}

// chain is a chain of regtest, without valid work.
func chain(length int) []*wire.MsgBlock {
	previous := *chaincfg.RegressionNetParams.GenesisHash
	var blocks []*wire.MsgBlock
	for i := range length {
		block := wire.NewMsgBlock(wire.NewBlockHeader(1, &previous, &chainhash.Hash{}, 0, uint32(i)))
		tx := wire.NewMsgTx(1)
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 0xffffffff}, []byte{1, 2}, wire.TxWitness{make([]byte, 32)}))
		tx.AddTxOut(wire.NewTxOut(50, []byte{0x51}))
		if err := block.AddTransaction(tx); err != nil {
			panic(err)
		}
		blocks, previous = append(blocks, block), block.BlockHash()
	}
	return blocks
}
