package api

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
)

// maxResponseBytes limits the size of a response.
const maxResponseBytes = 4 << 20

var (
	// ErrUnauthorized means that the pod does not have this credential.
	ErrUnauthorized = errors.New("the supervisor rejects the operator's credential")
	// ErrOutdated means that the pod has a Target of a higher revision.
	ErrOutdated = errors.New("the supervisor has a newer number of nodes")
	// ErrGarbage means that no supervisor answered, or one of another release.
	ErrGarbage = errors.New("unexpected response of the supervisor")
)

// Pod is where a supervisor is reached, with the operator's credential.
type Pod struct {
	// Host is an IP address, or what the client's dial function takes. Port is its port, Port of this package when 0.
	Host string
	Port int
	// User and Password are sent as HTTP basic authentication, and PreviousPassword, unless it is "", when the pod rejects Password.
	User, Password, PreviousPassword string
}

// Client calls the supervisors of many pods. It is safe for concurrent use.
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

// Nodes returns the nodes of a pod, in the order of their slots, each once.
func (c *Client) Nodes(ctx context.Context, pod Pod) ([]Node, error) {
	raw, err := c.call(ctx, pod, http.MethodGet, nil)
	if err != nil {
		return nil, err
	}
	var nodes []Node
	if err := json.Unmarshal(raw, &nodes); err != nil {
		return nil, fmt.Errorf("%s: %w: the body is not a list of nodes", pod.Host, ErrGarbage)
	}
	for i, node := range nodes {
		switch {
		case node.Slot < 0 || i > 0 && node.Slot <= nodes[i-1].Slot:
			return nil, fmt.Errorf("%s: %w: its slots have no order", pod.Host, ErrGarbage)
		case node.Slot >= MaxNodes:
			return nil, fmt.Errorf("%s: %w: more than %d nodes", pod.Host, ErrGarbage, MaxNodes)
		case node.Started < 0 || node.Exits < 0:
			return nil, fmt.Errorf("%s: %w: a negative number of starts or exits", pod.Host, ErrGarbage)
		}
		if node.LastExit != nil {
			node.LastExit.Output = truncate.UTF8(node.LastExit.Output, MaxOutputBytes)
		}
	}
	return nodes, nil
}

// SetTarget gives a pod the number of nodes that its group is to have. It returns before nodes have started or ended.
func (c *Client) SetTarget(ctx context.Context, pod Pod, target Target) error {
	body, err := json.Marshal(target)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, pod, http.MethodPost, body)
	return err
}

func (c *Client) call(ctx context.Context, pod Pod, method string, body []byte) ([]byte, error) {
	raw, err := c.once(ctx, pod, method, body)
	if errors.Is(err, ErrUnauthorized) && pod.PreviousPassword != "" {
		pod.Password = pod.PreviousPassword
		raw, err = c.once(ctx, pod, method, body)
	}
	return raw, err
}

func (c *Client) once(ctx context.Context, pod Pod, method string, body []byte) ([]byte, error) {
	port := pod.Port
	if port == 0 {
		port = Port
	}
	url := "http://" + net.JoinHostPort(pod.Host, strconv.Itoa(port)) + NodesPath
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(pod.User, pod.Password)
	req.Header.Set("Content-Type", "application/json")
	// net/http repeats a POST after a closed idle connection only with this header: a target counts once, however often it arrives.
	req.Header["X-Idempotency-Key"] = nil
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the supervisor cannot be reached: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the supervisor cannot be reached: %w", err)
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s: %w", pod.Host, ErrUnauthorized)
	case resp.StatusCode == http.StatusConflict:
		return nil, fmt.Errorf("%s: %w", pod.Host, ErrOutdated)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %w: HTTP status %d", pod.Host, ErrGarbage, resp.StatusCode)
	case len(raw) > maxResponseBytes:
		return nil, fmt.Errorf("%s: %w: more than %d bytes", pod.Host, ErrGarbage, maxResponseBytes)
	}
	return raw, nil
}
