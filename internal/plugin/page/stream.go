package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if network := r.URL.Query().Get("network"); network != "" {
		defer s.Backend.View(network)()
	}
	follow(r.Context(), w, s.Store, r.Header.Get("Last-Event-ID"), s.heartbeat)
}

// follow sends everything, and then what changes, until the context ends. With a cursor it sends what has changed since then, if that is known.
// Nothing is queued for a browser: one that is slow misses intermediate values.
func follow(ctx context.Context, w http.ResponseWriter, store *state.Store, cursor string, heartbeat time.Duration) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	for {
		delta, next, changed := store.Since(cursor)
		if !delta.Empty() || cursor == "" {
			text, err := json.Marshal(delta)
			if err == nil {
				err = send(w, out, fmt.Sprintf("id: %s\ndata: %s\n\n", next, text))
			}
			if err != nil {
				return
			}
		}
		cursor = next
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
		select {
		case <-changed:
		case <-alive.C:
			if err := send(w, out, ": alive\n\n"); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func send(w http.ResponseWriter, out *http.ResponseController, text string) error {
	if err := endWithin(w, writeTimeout); err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return out.Flush()
}

// log sends the log of a node as JSON strings, one a line.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	node, err := strconv.Atoi(query.Get("node"))
	if err != nil {
		http.Error(w, "node must be an ordinal", http.StatusBadRequest)
		return
	}
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	started := false
	err = s.Backend.Log(r.Context(), query.Get("network"), node, func(line string) error {
		started = true
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		return send(w, out, string(text)+"\n")
	})
	if err != nil && !started && r.Context().Err() == nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

// result is the answer to an action.
type result struct {
	Done  string `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// actionTimeout is longer than the longest pause.
const actionTimeout = 15 * time.Minute

func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	var action Action
	if !decode(w, r, &action) {
		return
	}
	// The answer comes when bitcoind confirms the effect. A page that is closed meanwhile does not leave half of it.
	if err := endWithin(w, actionTimeout+writeTimeout); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	done, err := s.Backend.Do(r.Context(), action)
	if err != nil {
		answer(w, http.StatusConflict, result{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, result{Done: done})
}

func (s *Server) visible(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Network string      `json:"network"`
		Nodes   v1.Ordinals `json:"nodes"`
	}
	if !decode(w, r, &call) {
		return
	}
	s.Backend.Visible(call.Network, call.Nodes.List())
	answer(w, http.StatusOK, result{})
}
