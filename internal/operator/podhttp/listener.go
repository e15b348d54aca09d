package podhttp

import (
	"net"
	"slices"
	"sync"
)

// maxConnections of the HTTP interface: one of the kubelet and one of the operator are usual.
const maxConnections = 128

// boundedListener closes the oldest connection in favour of one more than the bound. If the new one waited instead, whoever holds
// connections would keep the kubelet and the operator out.
type boundedListener struct {
	net.Listener
	limit int

	mu   sync.Mutex
	open []*boundedConn // the oldest first
}

type boundedConn struct {
	net.Conn
	of *boundedListener
}

// Accept returns the next connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &boundedConn{Conn: accepted, of: l}
	l.mu.Lock()
	l.open = append(l.open, conn)
	var oldest *boundedConn
	if len(l.open) > l.limit {
		oldest = l.open[0]
	}
	l.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() //nolint:errcheck // its server learns of it
	}
	return conn, nil
}

// Close closes the connection, which then no longer counts.
func (c *boundedConn) Close() error {
	c.of.mu.Lock()
	c.of.open = slices.DeleteFunc(c.of.open, func(other *boundedConn) bool { return other == c })
	c.of.mu.Unlock()
	return c.Conn.Close()
}
