package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// echo is a pod that answers with its name, its port and what it gets.
func echo(_ context.Context, pod string, port int32) (net.Conn, error) {
	if pod == "lost" {
		return nil, errors.New("the pod is lost")
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		request := make([]byte, 4)
		if _, err := io.ReadFull(far, request); err == nil {
			_, _ = io.WriteString(far, pod+" "+string(request))
		}
	}()
	return near, nil
}

func TestConnectionsReachTheirPod(t *testing.T) {
	failed := make(chan string, 1)
	f := New(t.Context(), echo, func(port Port, err error) { failed <- port.Pod + ": " + err.Error() })
	defer f.Close()
	taken, err := f.Listen(Port{Pod: "a", Name: "rpc", Port: 18332})
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := net.SplitHostPort(taken)
	local, _ := net.LookupPort("tcp", number)
	other, err := f.Listen(Port{Pod: "b", Name: "rpc", Port: 18332, Local: local})
	if err != nil || other == taken || !strings.HasPrefix(other, "127.0.0.1:") {
		t.Fatalf("with a port that is taken, the address is %s (%v)", other, err)
	}
	for address, want := range map[string]string{taken: "a ping", other: "b ping"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "ping")
		if got, err := io.ReadAll(conn); err != nil || string(got) != want {
			t.Errorf("%s answers %q (%v), and should answer %q", address, got, err, want)
		}
	}
	lost, err := f.Listen(Port{Pod: "lost", Name: "rpc", Port: 18332})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", lost); err != nil {
		t.Fatal(err)
	}
	if got := <-failed; got != "lost: the pod is lost" {
		t.Errorf("the failure is %q", got)
	}
}

func TestCloseEndsWhatIsOpen(t *testing.T) {
	f := New(t.Context(), echo, func(Port, error) {})
	address, err := f.Listen(Port{Pod: "a"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // accepted
	ended := make(chan struct{})
	go func() { f.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not return")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the port is open")
	}
}

// troubled is a listener that fails, and then has one connection.
type troubled struct {
	results chan func() (net.Conn, error)
}

func (l troubled) Accept() (net.Conn, error) {
	if result, ok := <-l.results; ok {
		return result()
	}
	return nil, net.ErrClosed
}

func (troubled) Close() error   { return nil }
func (troubled) Addr() net.Addr { return &net.TCPAddr{} }

func TestAPortSurvivesAnErrorOfAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed []string
		f := New(t.Context(), echo, func(_ Port, err error) { failed = append(failed, err.Error()) })
		near, far := net.Pipe()
		l := troubled{make(chan func() (net.Conn, error), 4)}
		for range 3 {
			l.results <- func() (net.Conn, error) { return nil, syscall.EMFILE }
		}
		l.results <- func() (net.Conn, error) { return far, nil }
		close(l.results)
		f.running.Go(func() { f.accept(l, Port{Pod: "a"}) })
		_, _ = io.WriteString(near, "ping")
		if got, err := io.ReadAll(near); string(got) != "a ping" {
			t.Errorf("after errors the answer is %q (%v)", got, err)
		}
		f.Close()
		if len(failed) != 1 || !strings.Contains(failed[0], "no connection can be accepted now") {
			t.Errorf("reported are %q", failed)
		}
	})
}

// stuck is a connection that cannot be closed until something else happens.
type stuck struct {
	net.Conn
	release <-chan struct{}
}

func (s stuck) Close() error {
	<-s.release
	return s.Conn.Close()
}

func TestCloseDoesNotWaitForAPodThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := New(t.Context(), func(ctx context.Context, pod string, port int32) (net.Conn, error) {
			conn, err := echo(ctx, pod, port)
			return stuck{conn, release}, err
		}, func(Port, error) {})
		near, far := net.Pipe()
		l := troubled{make(chan func() (net.Conn, error), 1)}
		l.results <- func() (net.Conn, error) { return far, nil }
		close(l.results)
		f.running.Go(func() { f.accept(l, Port{Pod: "a"}) })
		synctest.Wait()
		f.Close() // synctest reports a deadlock if it waits
		close(release)
		near.Close() //nolint:errcheck // the test has ended
	})
}
