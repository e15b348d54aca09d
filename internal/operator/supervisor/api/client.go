package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

var (
	// ErrUnauthorized means that the pod does not have this credential.
	ErrUnauthorized = errors.New("the supervisor rejects the operator's credential")
	// ErrOutdated means that the pod has a Target of a higher revision.
	ErrOutdated = errors.New("the supervisor has a newer number of nodes")
	// ErrGarbage means that no supervisor answered, or one of another release.
	ErrGarbage = errors.New("unexpected response of the supervisor")
)

// Pod is where a supervisor is reached, with the operator's credential. Its port is Port of this package when 0.
type Pod = podhttp.Pod

// Client calls the supervisors of many pods. It is safe for concurrent use. The contexts of its calls should have deadlines.
type Client struct{ http *podhttp.Client }

// Dial opens a connection to <host>:<port>, with the host of a Pod.
type Dial = podhttp.Dial

// NewClient returns a client. Without dial it uses TCP.
func NewClient(dial Dial) *Client { return &Client{http: podhttp.NewClient(dial)} }

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
	if pod.Port == 0 {
		pod.Port = Port
	}
	// A target counts once, however often it arrives.
	status, raw, err := c.http.Call(ctx, pod, method, NodesPath, body)
	switch {
	case errors.Is(err, podhttp.ErrTooLarge):
		return nil, fmt.Errorf("%s: %w: %w", pod.Host, ErrGarbage, err)
	case err != nil:
		return nil, fmt.Errorf("the supervisor cannot be reached: %w", err)
	case status == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s: %w", pod.Host, ErrUnauthorized)
	case status == http.StatusConflict:
		return nil, fmt.Errorf("%s: %w", pod.Host, ErrOutdated)
	case status != http.StatusOK:
		return nil, fmt.Errorf("%s: %w: HTTP status %d", pod.Host, ErrGarbage, status)
	}
	return raw, nil
}
