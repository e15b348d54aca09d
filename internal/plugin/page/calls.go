package page

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// progress is the state of an action, which the page gets over its stream.
type progress struct {
	Action Action `json:"action"`
	// Words are what has happened so far, empty at the beginning.
	Words string `json:"words,omitempty"`
	// Ended is empty while the action runs.
	Ended outcome `json:"ended,omitempty"`
}

// outcome is how an action ended.
type outcome string

const (
	good outcome = "good"
	bad  outcome = "bad"
)

// action begins an action, and answers before its end: a browser has few connections, and an action may last as long as a pause.
func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Visit  string `json:"visit"`
		Action Action `json:"action"`
	}
	if !decode(w, r, &call) {
		return
	}
	of, key, done, err := s.visits.act(call.Visit)
	if err != nil {
		reject(w, err, writeTimeout)
		return
	}
	report := func(words string, ended outcome) { of.own.Set(key, progress{call.Action, words, ended}) }
	report("", "")
	go func() {
		defer done()
		// The page's end ends the action. It does not leave half of it: a node that is paused is connected again.
		words, err := s.Backend.Do(of.ctx, call.Action, func(words string) { report(words, "") })
		if err != nil {
			report(err.Error(), bad)
			return
		}
		report(words, good)
	}()
	w.WriteHeader(http.StatusAccepted)
}

// logged is a line of a log as a moment of the page's stream.
type logged struct {
	// Log is the number that the page gave the log, and At that of the line in it: a page that is slow misses lines.
	Log  int    `json:"log"`
	At   int    `json:"at"`
	Line string `json:"line"`
}

// log begins the log of a node, in place of the one that the page shows. A node below 0 is none.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Visit   string `json:"visit"`
		Number  int    `json:"number"`
		Network string `json:"network"`
		Node    int    `json:"node"`
	}
	if !decode(w, r, &call) {
		return
	}
	of, ctx, done, err := s.visits.follow(call.Visit, call.Number)
	if err != nil {
		reject(w, err, writeTimeout)
		return
	}
	go func() {
		defer done()
		if call.Node >= 0 {
			s.lines(ctx, of, call.Number, call.Network, call.Node)
		}
	}()
	w.WriteHeader(http.StatusAccepted)
}

// lines sends the log of a node to a page until the context ends.
func (s *Server) lines(ctx context.Context, of *visit, number int, network string, node int) {
	line := logged{Log: number}
	send := func(text string) error {
		line.At++
		line.Line = text
		if ctx.Err() == nil {
			of.own.Moment(line)
		}
		return ctx.Err()
	}
	err := s.Backend.Log(ctx, network, node, send)
	if err == nil {
		err = errors.New("the log has ended")
	}
	_ = send(err.Error()) // the page may have gone
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
	w.WriteHeader(http.StatusNoContent)
}

// Close ends what pages began, and returns when nodes that are paused are connected again, or when the context ends.
func (s *Server) Close(ctx context.Context) { s.visits.close(ctx) }

// decode reads the body of a call; it answers itself if that is not possible.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, end := decoder.Token(); end != io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		http.Error(w, "the body of the call is not the expected JSON", http.StatusBadRequest)
	}
	return err == nil
}
