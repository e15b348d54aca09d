// Package podhttp is HTTP between the operator and its own programs in pods: a client with the operator's credential, and what the
// programs need to serve it. It imports the standard library and what needs no more, because many pods start such a program.
package podhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// MaxResponseBytes limits the size of a response.
const MaxResponseBytes = 4 << 20

// PodHeader is the header with the name of the pod that a request is for. A program that knows its name rejects the requests for others with
// http.StatusMisdirectedRequest.
const PodHeader = "Bitcoin-Controller-Pod"

// ErrTooLarge means that a response has more than MaxResponseBytes.
var ErrTooLarge = fmt.Errorf("more than %d bytes", MaxResponseBytes)

// Pod is where a program is reached, with the operator's credential.
type Pod struct {
	// Host is an IP address, or what the client's dial function takes. Port is the program's port.
	Host string
	Port int
	// Name is the name of the pod, unless it is "": the address may belong to another pod of the same network meanwhile, with the same
	// credential.
	Name string
	// User and Password are sent as HTTP basic authentication, and PreviousPassword, unless it is "", when the pod rejects Password.
	User, Password, PreviousPassword string
}

// Client calls the programs of many pods. It is safe for concurrent use.
type Client struct{ http *http.Client }

// Dial opens a connection to <host>:<port>, with the host of a Pod.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// NewClient returns a client. Without dial it uses TCP. The contexts of its calls should have deadlines, because it has no timeout.
func NewClient(dial Dial) *Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	return &Client{http: &http.Client{
		// Never a proxy, which would receive the credential, and no redirect, which would send it to another server.
		Transport:     &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 1, IdleConnTimeout: 500 * time.Millisecond},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Call sends a request, which must be idempotent, and returns the status and the body of the response. The status is 401 only when the
// pod rejects the previous password too.
func (c *Client) Call(ctx context.Context, pod Pod, method, path string, body []byte) (status int, raw []byte, err error) {
	status, raw, err = c.once(ctx, pod, method, path, body)
	if err == nil && status == http.StatusUnauthorized && pod.PreviousPassword != "" {
		pod.Password = pod.PreviousPassword
		return c.once(ctx, pod, method, path, body)
	}
	return status, raw, err
}

func (c *Client) once(ctx context.Context, pod Pod, method, path string, body []byte) (int, []byte, error) {
	at := "http://" + net.JoinHostPort(pod.Host, strconv.Itoa(pod.Port)) + path
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(pod.User, pod.Password)
	if pod.Name != "" {
		req.Header.Set(PodHeader, pod.Name)
	}
	req.Header.Set("Content-Type", "application/json")
	// net/http repeats a POST after a closed idle connection only with this header.
	req.Header["X-Idempotency-Key"] = nil
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, unreachable(pod.Host, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponseBytes+1))
	switch {
	case err != nil:
		return 0, nil, unreachable(pod.Host, err)
	case len(raw) > MaxResponseBytes:
		return 0, nil, ErrTooLarge
	}
	return resp.StatusCode, raw, nil
}

// unreachable is the error of a request without a response, the same for the same cause: an error of package net has the operator's own
// end of the connection, whose port differs each time, and each new message of a condition is a write of a status.
func unreachable(host string, err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Errorf("%s: %w", host, err)
}
