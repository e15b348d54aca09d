//go:build linux

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
)

// errInvalid wraps what is wrong with a request.
var errInvalid = errors.New("invalid request")

// serve starts the HTTP interface and returns what stops it.
func (a *agent) serve() (stop func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.AlivePath, probe(a.alive))
	mux.HandleFunc("GET "+api.ReadyPath, probe(a.ready))
	handle := func(pattern string, timeout time.Duration, do func(context.Context, []byte) (any, error)) {
		mux.HandleFunc(pattern, a.authorized(answered(timeout, do)))
	}
	handle("PUT "+api.BackendPath, api.CallTimeout, a.handleBackend)
	handle("GET "+api.StatePath, api.StateTimeout, func(ctx context.Context, _ []byte) (any, error) { return a.state(ctx), nil })
	handle("POST "+api.AddressPath, api.CallTimeout, func(ctx context.Context, _ []byte) (any, error) {
		address, err := a.address(ctx)
		return api.Address{Address: address}, err
	})
	handle("PUT "+api.PeersPath, api.PeersTimeout, a.handlePeers)
	// The agent itself answers within OpenTimeout.
	handle("PUT "+api.ChannelsPath, api.OpenTimeout+listTimeout, a.handleChannels)
	handle("POST "+api.ClosePath, api.CloseTimeout, a.handleClose(false))
	handle("POST "+api.AbandonPath, api.CloseTimeout, a.handleClose(true))
	return podhttp.Serve(a.Listen, mux, api.OpenTimeout+2*listTimeout, func(err error) { a.report("%v", err) })
}

// authorized reads the operator's credential at each request: the kubelet replaces the file when the operator has another one.
func (a *agent) authorized(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		credential, err := credentialIn(a.ConfigDir)
		if err != nil {
			a.report("%v", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		credential.Authorized("lnd-agent", podhttp.ForPod(a.pod, handle))(w, r)
	}
}

func credentialIn(dir string) (podhttp.Credential, error) {
	text, err := os.ReadFile(filepath.Join(dir, api.CredentialKey))
	if err != nil {
		return podhttp.Credential{}, err
	}
	return podhttp.ParseCredential(string(text))
}

func probe(check func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := check(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, err.Error()+"\n") //nolint:errcheck // the client is gone
		}
	}
}

// answered reads the body of a request, and writes the result as JSON, or a Failure.
func answered(timeout time.Duration, do func(context.Context, []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxRequestBytes))
		var result any
		if err != nil {
			err = errors.Join(errInvalid, err)
		} else {
			result, err = do(ctx, body)
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(statusOf(err))
			result = api.Failure{Message: sentence(err.Error())}
		}
		_ = json.NewEncoder(w).Encode(result) //nolint:errcheck // the client is gone
	}
}

func statusOf(err error) int {
	switch rejected, isLND := errors.AsType[*lndError](err); {
	case errors.Is(err, errInvalid):
		return api.StatusInvalid
	case errors.Is(err, errOpening):
		return api.StatusBusy
	case errors.Is(err, errStuck), errors.Is(err, errUnknown):
		return api.StatusStuck
	case errors.Is(err, errNotActive), isLND && rejected.status == http.StatusServiceUnavailable:
		return api.StatusNotActive
	}
	return api.StatusLND
}

// decode reads the body of a request, and validates it.
func decode[T any](body []byte, validate func(T) error) (request T, err error) {
	if err := json.Unmarshal(body, &request); err != nil {
		return request, errors.Join(errInvalid, errors.New("the body is not the expected one"))
	}
	if err := validate(request); err != nil {
		return request, errors.Join(errInvalid, err)
	}
	return request, nil
}

// decodeStrict is decode for what cannot be undone: a field that this agent does not know may change what is to be done. What a later operator
// adds to other requests is left out.
func decodeStrict[T any](body []byte, validate func(T) error) (request T, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, errors.Join(errInvalid, errors.New("the body is not the expected one, or of a later operator"))
	}
	return decode(body, validate)
}

func (a *agent) handleBackend(_ context.Context, body []byte) (any, error) {
	backend, err := decode(body, validate)
	if err != nil {
		return nil, err
	}
	return struct{}{}, a.setBackend(backend)
}

func (a *agent) handlePeers(ctx context.Context, body []byte) (any, error) {
	request, err := decode(body, func(p api.Peers) error { return validatePeers(p.Peers) })
	if err == nil {
		err = a.requireActive(ctx)
	}
	if err != nil {
		return nil, err
	}
	return a.connect(ctx, request.Peers)
}

func (a *agent) handleChannels(ctx context.Context, body []byte) (any, error) {
	request, err := decodeStrict(body, func(c api.Channels) error { return validateChannels(c.Channels) })
	if err == nil {
		err = a.requireActive(ctx)
	}
	if err != nil {
		return nil, err
	}
	return a.open(ctx, request.Channels)
}

func (a *agent) handleClose(abandon bool) func(context.Context, []byte) (any, error) {
	validate := func(c api.Close) error {
		switch {
		case !pointPattern.MatchString(c.Point):
			return errors.New("the point is not <id>:<index>")
		case c.Abandon != abandon:
			return errors.New("closing and abandoning a channel are two requests")
		}
		return nil
	}
	return func(ctx context.Context, body []byte) (any, error) {
		request, err := decodeStrict(body, validate)
		if err == nil {
			err = a.requireActive(ctx)
		}
		if err != nil {
			return nil, err
		}
		return struct{}{}, a.closeChannel(ctx, request)
	}
}
