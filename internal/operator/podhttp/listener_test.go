package podhttp

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestTheOldestOfTooManyConnectionsIsClosed(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close() //nolint:errcheck // of this test
	listener := &boundedListener{Listener: inner, limit: 2}
	connect := func() (client, server net.Conn) {
		t.Helper()
		client, err := net.Dial("tcp", inner.Addr().String()) //nolint:noctx // on this machine
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() }) //nolint:errcheck,gosec // of this test
		server, err = listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	// ended reports whether the server has closed the connection: of an open one nothing is read until the deadline.
	ended := func(client net.Conn, timeout time.Duration) bool {
		t.Helper()
		if err := client.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
		_, err := client.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	first, _ := connect()
	second, serverOfSecond := connect()
	third, _ := connect()
	if !ended(first, 10*time.Second) {
		t.Error("the oldest connection is open")
	}
	if ended(second, time.Millisecond) || ended(third, time.Millisecond) {
		t.Error("a connection within the bound was closed")
	}
	if err := serverOfSecond.Close(); err != nil {
		t.Fatal(err)
	}
	connect()
	if ended(third, time.Millisecond) {
		t.Error("a connection that has ended counts")
	}
}
