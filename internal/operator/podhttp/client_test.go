package podhttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// Each new message of a condition is a write of a status, and the operator's own port differs from one connection to the next.
func TestTheErrorOfAResetConnectionIsTheSameEachTime(t *testing.T) {
	for name, begin := range map[string]string{"before the response": "", "within the response": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on this machine
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() //nolint:errcheck // of this test
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, read := conn.Read(make([]byte, 1))
				_, write := io.WriteString(conn, begin)
				// The kernel resets a connection that is closed before all was read.
				if err := errors.Join(read, write, conn.Close()); err != nil {
					t.Error(err)
				}
			}
		}()
		address := listener.Addr().(*net.TCPAddr)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, _, err := NewClient(nil).Call(ctx, Pod{Host: "127.0.0.1", Port: address.Port}, http.MethodGet, "/", nil)
			cancel()
			if !errors.Is(err, syscall.ECONNRESET) || err.Error() != "127.0.0.1: read: connection reset by peer" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestTheErrorOfAPodThatDoesNotListenNamesIt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on this machine
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err = NewClient(nil).Call(t.Context(), Pod{Host: "127.0.0.1", Port: port}, http.MethodGet, "/", nil)
	if !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != "127.0.0.1: connect: connection refused" {
		t.Error(err)
	}
}
