package bitcoind

import (
	"context"
	"io"
	"net/http"
)

// alivePath is a path that bitcoind has no handler for. It answers such requests with 404 where it accepts connections, and not in
// one of the RPC threads, which may all be taken by calls that wait.
const alivePath = "alive"

// Alive returns nil if bitcoind's HTTP server responds, whatever it responds: calls would then be carried out as soon as one of its
// RPC threads is free.
func (c *Client) Alive(ctx context.Context, at Endpoint) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.url()+alivePath, nil)
	if err != nil {
		return &UnreachableError{Host: at.Host, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(at.Host, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBytes))
	return nil
}
