// Package forward gives the ports of nodes addresses on the loopback interface, like kubectl port-forward for many pods.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Dial connects with a port of a pod.
type Dial func(ctx context.Context, pod string, port int32) (net.Conn, error)

// Port is one port of a pod.
type Port struct {
	Pod  string
	Name string
	Port int32
	// Local is the desired port on loopback; another one is used when it is taken.
	Local int
}

// Forwarder forwards connections until it is closed.
type Forwarder struct {
	dial      Dial
	failed    func(Port, error)
	cancel    context.CancelFunc
	ctx       context.Context //nolint:containedctx // the lifetime of the forwarder is that of its connections
	running   sync.WaitGroup
	mu        sync.Mutex
	listeners []net.Listener
}

// New returns a forwarder, which calls failed when a connection with a pod cannot be opened.
func New(ctx context.Context, dial Dial, failed func(Port, error)) *Forwarder {
	ctx, cancel := context.WithCancel(ctx)
	return &Forwarder{dial: dial, failed: failed, ctx: ctx, cancel: cancel}
}

// firstRetry and lastRetry bound the time between two attempts to accept a connection, such as when the process has too many open files.
const firstRetry, lastRetry = 10 * time.Millisecond, time.Second

// Listen opens the local port, and returns its address. It never listens on another interface.
func (f *Forwarder) Listen(port Port) (string, error) {
	listener, err := listen(f.ctx, port.Local)
	if err != nil && port.Local != 0 { // taken, in whatever words of the system
		listener, err = listen(f.ctx, 0)
	}
	if err != nil {
		return "", fmt.Errorf("no local port for %s of %s: %w", port.Name, port.Pod, err)
	}
	f.mu.Lock()
	f.listeners = append(f.listeners, listener)
	f.mu.Unlock()
	f.running.Go(func() { f.accept(listener, port) })
	return listener.Addr().String(), nil
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (f *Forwarder) accept(listener net.Listener, port Port) {
	retry := firstRetry
	for {
		local, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || err != nil && f.ctx.Err() != nil:
			return
		case err != nil:
			if retry == firstRetry {
				f.failed(port, fmt.Errorf("no connection can be accepted now: %w", err))
			}
			select {
			case <-time.After(retry):
			case <-f.ctx.Done():
			}
			retry = min(2*retry, lastRetry)
			continue
		}
		retry = firstRetry
		f.running.Go(func() { f.connect(local, port) })
	}
}

// connect copies in both directions until one side ends.
func (f *Forwarder) connect(local net.Conn, port Port) {
	defer local.Close() //nolint:errcheck // the connection has ended
	remote, err := f.dial(f.ctx, port.Pod, port.Port)
	if err != nil {
		if f.ctx.Err() == nil {
			f.failed(port, err)
		}
		return
	}
	// In the background: the end of a port-forward waits for what is being written, and a pod may not read.
	defer func() { go remote.Close() }() //nolint:errcheck // the connection has ended
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{remote, local}, {local, remote}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1]) // an error ends the connection as its end does
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
	case <-f.ctx.Done():
	}
}

// Close ends all connections.
func (f *Forwarder) Close() {
	f.cancel()
	f.mu.Lock()
	for _, listener := range f.listeners {
		listener.Close() //nolint:errcheck // it was only listening
	}
	f.mu.Unlock()
	f.running.Wait()
}
