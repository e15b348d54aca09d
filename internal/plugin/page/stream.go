package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	of, leave, err := s.visits.enter(query.Get("visit"), cancel)
	if err != nil {
		reject(w, err, writeTimeout)
		return
	}
	defer leave()
	if network := query.Get("network"); network != "" {
		defer s.Backend.View(network)()
	}
	sources := []source{{store: s.Store}, {event: "event: own\n", store: of.own}}
	if s.Lightning != nil {
		sources = append(sources, source{event: lightningEvent, store: s.Lightning})
	}
	follow(ctx, w, s.heartbeat, r.Header.Get("Last-Event-ID"), sources...)
}

// lightningEvent names the messages with Lightning networks.
const lightningEvent = "event: lightning\n"

// source is a store that a stream follows, with the line that names its messages.
type source struct {
	event  string
	store  *state.Store
	cursor string
	// changed is nil for a source that does not exist.
	changed <-chan struct{}
}

// stream is one that is written.
type stream struct {
	w       http.ResponseWriter
	out     *http.ResponseController
	sources [3]source
}

// follow sends everything, and then what changes, until the context ends. With a cursor of each source it sends what has changed since then, if
// that is known. Nothing is queued for a browser: one that is slow misses intermediate values.
func follow(ctx context.Context, w http.ResponseWriter, heartbeat time.Duration, cursors string, sources ...source) {
	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w: w, out: http.NewResponseController(w)}
	copy(s.sources[:], sources)
	for i, cursor := range strings.Fields(cursors) {
		if i < len(sources) {
			s.sources[i].cursor = cursor
		}
	}
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	for {
		more, err := s.changes(ctx, len(sources))
		if err != nil {
			return
		}
		if more {
			continue
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
		select {
		case <-s.sources[0].changed:
		case <-s.sources[1].changed:
		case <-s.sources[2].changed:
		case <-alive.C:
			if err := s.send([]byte(": alive\n\n")); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// changes sends the next message of each source, and reports whether one has others that belong to it.
func (s *stream) changes(ctx context.Context, number int) (more bool, err error) {
	for i := range number {
		at := &s.sources[i]
		message := at.store.Message(at.cursor)
		at.cursor, at.changed = message.Next, message.Changed
		more = more || message.More
		if len(message.Text) == 0 {
			continue
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		id := "id: " + strings.TrimSpace(s.sources[0].cursor+" "+s.sources[1].cursor+" "+s.sources[2].cursor) + "\n"
		if err := s.send([]byte(id+at.event+"data: "), message.Text, []byte("\n\n")); err != nil {
			return false, err
		}
	}
	return more, nil
}

// send writes the parts of a message. All streams share its text, which is not copied.
func (s *stream) send(parts ...[]byte) error {
	if err := endWithin(s.w, writeTimeout); err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := s.w.Write(part); err != nil {
			return err
		}
	}
	return s.out.Flush()
}
