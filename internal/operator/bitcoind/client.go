// Package bitcoind is a client of bitcoind's JSON-RPC interface, with the credentials for it.
package bitcoind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// maxResponseBytes limits the size of one response. getpeerinfo with 500 peers, two connections each, has about 2.5 MB.
const maxResponseBytes = 4 << 20

// maxErrorBytes limits what is kept of an error's text.
const maxErrorBytes = 1024

// Client calls the JSON-RPC interface of many nodes. It is safe for concurrent use.
type Client struct {
	http     *http.Client
	observer Observer
}

// Observer is called after every round trip with its first method, its duration, and its error: that of the round trip, or that
// of the first call that failed, or nil.
type Observer func(method string, took time.Duration, err error)

// Dial opens a connection to <host>:<port>, with the host of an Endpoint.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// NewClient returns a client. Without dial it uses TCP, and keeps an idle connection for half a second. With dial, which may be
// expensive, it keeps an idle connection almost as long as bitcoind does. The observer may be nil.
func NewClient(observer Observer, dial Dial) *Client {
	if observer == nil {
		observer = func(string, time.Duration, error) {}
	}
	// bitcoind closes idle connections after rpcservertimeout, 30 s: close them before.
	idle := 25 * time.Second
	if dial == nil {
		// The calls of one reconcile share a connection. Kept until the next one, connections to thousands of nodes would
		// need most of the operator's memory.
		idle = 500 * time.Millisecond
		dial = (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	return &Client{
		observer: observer,
		http: &http.Client{
			Transport: &http.Transport{
				// Never a proxy: nodes are in the cluster, and the proxy of HTTP_PROXY would receive the credential.
				Proxy:               nil,
				DialContext:         dial,
				MaxIdleConns:        0,
				MaxIdleConnsPerHost: 1,
				IdleConnTimeout:     idle,
			},
			// bitcoind does not redirect, and the credential must not be sent to another server.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Endpoint is the address of a node and the credential for it.
type Endpoint struct {
	// Host is an IP address or a name, Port the RPC port (v1.RPCPort when 0).
	Host string
	Port int
	// User and Password are sent as HTTP basic authentication.
	User, Password string
	// PreviousPassword is used when the node rejects Password, because it has not restarted since the password was
	// changed; "" for none.
	PreviousPassword string
}

func (e Endpoint) url() string {
	port := e.Port
	if port == 0 {
		port = v1.RPCPort
	}
	return "http://" + net.JoinHostPort(e.Host, strconv.Itoa(port)) + "/"
}

// Call is one call of a batch. Result is nil or a pointer that the result is decoded into.
type Call struct {
	Method string
	Params []any
	Result any
	// Repeatable calls may be sent again by the transport when an idle connection has been closed.
	Repeatable bool
}

// request omits "jsonrpc": bitcoind before v28 ignores it, and later releases answer in the same form without it.
type request struct {
	ID     int    `json:"id"`
	Method string `json:"method"`
	Params []any  `json:"params"`
}

type response struct {
	ID     *int            `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *RPCError       `json:"error"`
}

// Call sends one call. The error is an *RPCError when bitcoind returned an error for the call, otherwise an *UnreachableError,
// ErrUnauthorized or ErrGarbage. The context should have a deadline, because the client has no timeout.
func (c *Client) Call(ctx context.Context, at Endpoint, call Call) error {
	errs, err := c.Batch(ctx, at, []Call{call})
	if err != nil {
		return err
	}
	return errs[0]
}

// Batch sends all calls in one round trip; bitcoind executes them in order. It returns an error for each call, in the order of
// calls, nil for those that succeeded, or one error when the round trip failed.
func (c *Client) Batch(ctx context.Context, at Endpoint, calls []Call) ([]error, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	started := time.Now()
	errs, err := c.batch(ctx, at, calls)
	if errors.Is(err, ErrUnauthorized) && at.PreviousPassword != "" {
		at.Password = at.PreviousPassword
		errs, err = c.batch(ctx, at, calls)
	}
	observed := err
	for _, callErr := range errs {
		if observed == nil && callErr != nil && !AlreadySo(callErr) {
			observed = callErr
		}
	}
	c.observer(calls[0].Method, time.Since(started), observed)
	return errs, err
}

func (c *Client) batch(ctx context.Context, at Endpoint, calls []Call) ([]error, error) {
	body, repeatable, err := encode(calls)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.url(), bytes.NewReader(body))
	if err != nil {
		return nil, &UnreachableError{Host: at.Host, Err: err}
	}
	req.SetBasicAuth(at.User, at.Password)
	req.Header.Set("Content-Type", "application/json")
	if repeatable {
		// net/http repeats a POST after a closed idle connection only with this header.
		req.Header["X-Idempotency-Key"] = nil
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(at.Host, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))
	if err != nil {
		return nil, unreachable(at.Host, err)
	}
	return decode(at.Host, resp.StatusCode, raw, calls)
}

func encode(calls []Call) (body []byte, repeatable bool, err error) {
	requests := make([]request, len(calls))
	repeatable = true
	for i, call := range calls {
		params := call.Params
		if params == nil {
			params = []any{}
		}
		requests[i] = request{ID: i, Method: call.Method, Params: params}
		repeatable = repeatable && call.Repeatable
	}
	body, err = json.Marshal(requests)
	if err != nil {
		return nil, false, fmt.Errorf("encode the parameters of %s: %w", calls[0].Method, err)
	}
	return body, repeatable, nil
}

func decode(host string, status int, raw []byte, calls []Call) ([]error, error) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return nil, fmt.Errorf("%s: %w", host, ErrUnauthorized)
	case status == http.StatusServiceUnavailable && bytes.Contains(raw, []byte("Work queue depth exceeded")):
		return nil, &UnreachableError{Host: host, Err: errQueueFull}
	case status == http.StatusServiceUnavailable:
		return nil, &UnreachableError{Host: host, Err: errUnavailable}
	case len(raw) > maxResponseBytes:
		return nil, fmt.Errorf("%s: %w: more than %d bytes", host, ErrGarbage, maxResponseBytes)
	}
	var responses []response
	if err := json.Unmarshal(raw, &responses); err != nil {
		// An error for the whole batch is a single object.
		var one response
		if json.Unmarshal(raw, &one) == nil && one.Error != nil {
			return nil, one.Error.bounded()
		}
		return nil, fmt.Errorf("%s: %w: HTTP status %d, and the body is not a list of results", host, ErrGarbage, status)
	}
	errs := make([]error, len(calls))
	answered := make([]bool, len(calls))
	for _, r := range responses {
		if r.ID == nil || *r.ID < 0 || *r.ID >= len(calls) || answered[*r.ID] {
			return nil, fmt.Errorf("%s: %w: a result for a call that was not sent", host, ErrGarbage)
		}
		answered[*r.ID] = true
		call := calls[*r.ID]
		switch {
		case r.Error != nil:
			errs[*r.ID] = r.Error.bounded()
		case call.Result != nil:
			if err := json.Unmarshal(r.Result, call.Result); err != nil {
				// encoding/json quotes a number of any length.
				cause := truncate.UTF8(err.Error(), maxErrorBytes)
				return nil, fmt.Errorf("%s: %w: the result of %s has an unexpected type: %s", host, ErrGarbage, call.Method, cause)
			}
		}
	}
	for i, ok := range answered {
		if !ok {
			return nil, fmt.Errorf("%s: %w: no result for %s", host, ErrGarbage, calls[i].Method)
		}
	}
	return errs, nil
}

func unreachable(host string, err error) error {
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		err = errTimeout
	}
	// The enclosing *url.Error repeats the address.
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &UnreachableError{Host: host, Err: err}
}
