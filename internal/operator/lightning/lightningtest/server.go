package lightningtest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// Handler serves the HTTP interface of the node's agent. LND starts when the agent has a backend that check accepts. Requests without the
// credential get 401.
func (l *LND) Handler(authorize func(user, password string) bool, check func(api.Backend) error) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(*http.Request) (any, int)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); !authorize(user, password) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			result, status := do(r)
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(result) //nolint:errcheck // the client may have gone
		})
	}
	handle("GET "+api.StatePath, func(*http.Request) (any, int) { return l.State(), http.StatusOK })
	handle("PUT "+api.BackendPath, decoded(func(b api.Backend) (any, int) {
		if err := check(b); err != nil {
			return api.Failure{Message: err.Error()}, api.StatusInvalid
		}
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.backend == nil {
			l.backend = &b
		} else if *l.backend != b {
			l.next = &b
		}
		return struct{}{}, http.StatusOK
	}))
	handle("POST "+api.AddressPath, func(*http.Request) (any, int) { return api.Address{Address: l.NewAddress()}, http.StatusOK })
	handle("PUT "+api.PeersPath, decoded(func(p api.Peers) (any, int) { return api.PeersResult{Failed: l.Connect(p.Peers)}, http.StatusOK }))
	handle("PUT "+api.ChannelsPath, decoded(func(c api.Channels) (any, int) {
		if !l.setOpening(true) {
			return api.Failure{Message: "a request to open channels has not ended yet"}, api.StatusBusy
		}
		defer l.setOpening(false)
		// LND does not end a request whose client has gone.
		time.Sleep(l.net.OpenDelay)
		return l.Open(c.Channels), http.StatusOK
	}))
	ended := func(message string) (any, int) {
		if message != "" {
			return api.Failure{Message: message}, api.StatusLND
		}
		return struct{}{}, http.StatusOK
	}
	handle("POST "+api.ClosePath, decoded(func(c api.Close) (any, int) {
		if c.Publish {
			return ended(l.Publish(c.Point))
		}
		return ended(l.Close(c.Point, c.Force))
	}))
	handle("POST "+api.AbandonPath, decoded(func(c api.Close) (any, int) { return ended(l.Abandon(c.Point)) }))
	return mux
}

// setOpening returns false for a request beside another one.
func (l *LND) setOpening(opening bool) bool {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if opening == l.opening {
		return false
	}
	l.opening = opening
	if opening {
		l.net.opening++
	} else {
		l.net.opening--
	}
	return true
}

func decoded[T any](do func(T) (any, int)) func(*http.Request) (any, int) {
	return func(r *http.Request) (any, int) {
		var request T
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, api.MaxRequestBytes)).Decode(&request); err != nil {
			return api.Failure{Message: err.Error()}, api.StatusInvalid
		}
		return do(request)
	}
}
