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
	ErrUnauthorized = errors.New("the agent rejects the operator's credential")
	// ErrGarbage means that no agent answered, or one of another release.
	ErrGarbage = errors.New("unexpected response of the agent")
	// ErrNotActive means that the agent has no LND that could carry out the request: it waits for a backend, for a block, or starts.
	ErrNotActive = errors.New("LND is not active")
	// ErrBusy means that another request opens channels, which must end first.
	ErrBusy = errors.New("LND is opening other channels")
	// ErrStuck means that earlier requests to open channels last longer than OpenTimeout, or have an unknown outcome. It passes by itself.
	ErrStuck = errors.New("LND has not finished opening channels")
	// ErrOtherPod means that the agent of another pod has the address: the pod that is meant has been replaced.
	ErrOtherPod = errors.New("another pod has the address")
	// ErrLND means that LND rejected the request or did not answer. The error has its words.
	ErrLND = errors.New("LND cannot carry out the request")
	// ErrInvalid means that the agent rejects the request as it is.
	ErrInvalid = errors.New("the agent rejects the request")
	// ErrUnknownRequest means that the agent, of an earlier release, does not know what is requested.
	ErrUnknownRequest = errors.New("the agent does not know the request")
)

// Statuses of the agent's responses. All others but 200, 401 and 404 are garbage.
const (
	StatusInvalid   = http.StatusBadRequest
	StatusBusy      = http.StatusConflict
	StatusStuck     = http.StatusLocked
	StatusLND       = http.StatusBadGateway
	StatusNotActive = http.StatusServiceUnavailable
)

// Pod is where an agent is reached, with the operator's credential. Its port is Port of this package when 0.
type Pod = podhttp.Pod

// Client calls the agents of many pods. It is safe for concurrent use. The contexts of its calls should have deadlines beyond the
// timeouts of this package.
type Client struct{ http *podhttp.Client }

// NewClient returns a client. Without dial it uses TCP.
func NewClient(dial podhttp.Dial) *Client { return &Client{http: podhttp.NewClient(dial)} }

// PutBackend gives an agent the bitcoind for its LND. LND starts after the return. Another backend than before restarts LND, in the
// same container.
func (c *Client) PutBackend(ctx context.Context, pod Pod, backend Backend) error {
	_, err := call[struct{}](ctx, c, pod, http.MethodPut, BackendPath, backend)
	return err
}

// State returns what the agent's LND reports.
func (c *Client) State(ctx context.Context, pod Pod) (State, error) {
	state, err := call[State](ctx, c, pod, http.MethodGet, StatePath, nil)
	if err != nil {
		return State{}, err
	}
	if state.Process != Waiting && state.Process != Running {
		return State{}, fmt.Errorf("%s: %w: unknown process state", pod.Host, ErrGarbage)
	}
	for i, problem := range state.Problems {
		state.Problems[i] = truncate.UTF8(problem, MaxMessageBytes)
	}
	return state, nil
}

// NewAddress returns an address of LND's wallet that has received nothing yet.
func (c *Client) NewAddress(ctx context.Context, pod Pod) (string, error) {
	address, err := call[Address](ctx, c, pod, http.MethodPost, AddressPath, struct{}{})
	if err == nil && address.Address == "" {
		err = fmt.Errorf("%s: %w: no address", pod.Host, ErrGarbage)
	}
	return address.Address, err
}

// ConnectPeers connects LND with peers and returns those that it could not be connected with.
func (c *Client) ConnectPeers(ctx context.Context, pod Pod, peers []Peer) ([]PeerFailure, error) {
	result, err := call[PeersResult](ctx, c, pod, http.MethodPut, PeersPath, Peers{Peers: peers})
	for i := range result.Failed {
		result.Failed[i].Message = truncate.UTF8(result.Failed[i].Message, MaxMessageBytes)
	}
	return result.Failed, err
}

// OpenChannels opens those of the channels that do not exist yet. After an error some may have been opened: a repeated call opens none
// twice.
func (c *Client) OpenChannels(ctx context.Context, pod Pod, channels []NewChannel) (ChannelsResult, error) {
	result, err := call[ChannelsResult](ctx, c, pod, http.MethodPut, ChannelsPath, Channels{Channels: channels})
	for i := range result.Failed {
		result.Failed[i].Message = truncate.UTF8(result.Failed[i].Message, MaxMessageBytes)
	}
	return result, err
}

// CloseChannel closes a channel, or makes LND forget it.
func (c *Client) CloseChannel(ctx context.Context, pod Pod, request Close) error {
	path := ClosePath
	if request.Abandon {
		path = AbandonPath
	}
	_, err := call[struct{}](ctx, c, pod, http.MethodPost, path, request)
	return err
}

// call sends a request and decodes the response.
func call[T any](ctx context.Context, c *Client, pod Pod, method, path string, request any) (result T, err error) {
	var body []byte
	if request != nil {
		if body, err = json.Marshal(request); err != nil {
			return result, err
		}
	}
	if pod.Port == 0 {
		pod.Port = Port
	}
	status, raw, err := c.http.Call(ctx, pod, method, path, body)
	switch {
	case errors.Is(err, podhttp.ErrTooLarge):
		return result, fmt.Errorf("%s: %w: %w", pod.Host, ErrGarbage, err)
	case err != nil:
		return result, fmt.Errorf("the agent cannot be reached: %w", err)
	case status != http.StatusOK:
		return result, failure(pod.Host, status, raw)
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		var none T
		return none, fmt.Errorf("%s: %w: the body is not the expected one", pod.Host, ErrGarbage)
	}
	return result, nil
}

// failure is the error of a response with another status than 200.
func failure(host string, status int, raw []byte) error {
	kinds := map[int]error{
		http.StatusUnauthorized: ErrUnauthorized, http.StatusMisdirectedRequest: ErrOtherPod, StatusInvalid: ErrInvalid, StatusBusy: ErrBusy, StatusStuck: ErrStuck,
		StatusLND: ErrLND, StatusNotActive: ErrNotActive, http.StatusNotFound: ErrUnknownRequest,
	}
	kind, known := kinds[status]
	if !known {
		return fmt.Errorf("%s: %w: HTTP status %d", host, ErrGarbage, status)
	}
	var reported Failure
	if json.Unmarshal(raw, &reported) != nil || reported.Message == "" {
		return fmt.Errorf("%s: %w", host, kind)
	}
	return fmt.Errorf("%s: %w: %s", host, kind, truncate.UTF8(reported.Message, MaxMessageBytes))
}
