//go:build linux

package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

func channelsOf(memos ...string) []api.NewChannel {
	var list []api.NewChannel
	for _, memo := range memos {
		list = append(list, api.NewChannel{Memo: memo, PubKey: keyB, Capacity: 20000})
	}
	return list
}

// opener answers requests of batches, and rejects those with one of the memos.
func opener(t *testing.T, rejected ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Channels []struct{ Memo string } }
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &request) != nil {
			t.Errorf("%v, %s", err, raw)
		}
		var points []string
		for i, channel := range request.Channels {
			for _, memo := range rejected {
				if channel.Memo == memo {
					status(500, `{"code":2,"message":"no `+memo+`"}`)(w, r)
					return
				}
			}
			id := append([]byte{byte(len(request.Channels))}, make([]byte, 31)...)
			points = append(points, fmt.Sprintf(`{"txid":"%s","output_index":%d}`, base64.StdEncoding.EncodeToString(id), i))
		}
		fmt.Fprintf(w, `{"pending_channels":[%s]}`, strings.Join(points, ","))
	}
}

// replay lets a handler read the body, which the stand-in has read.
func (s *standIn) replay(call string, handle http.HandlerFunc) {
	s.answer(call, func(w http.ResponseWriter, r *http.Request) {
		all := s.requested(call)
		_, body, _ := strings.Cut(strings.TrimPrefix(all[len(all)-1], call), " ")
		r.Body = io.NopCloser(strings.NewReader(body))
		handle(w, r)
	})
}

const batchCall = "POST /v1/channels/batch"

func TestChannelsAreOpenedOnce(t *testing.T) {
	entry := func(memo string) string {
		return `{"channel":{"channel_point":"` + memo + `:0","capacity":"1","local_balance":"1","remote_balance":"0","memo":"` + memo + `"}}`
	}
	s := newStandIn(t, map[string]http.HandlerFunc{
		"GET /v1/channels": text(`{"channels":[{"channel_point":"aa:0","chan_id":"0","capacity":"1","local_balance":"1","remote_balance":"0","memo":"open"}]}`),
		"GET /v1/channels/pending": text(`{"pending_open_channels":[` + entry("opening") + `],"waiting_close_channels":[` + entry("waiting") + `],
			"pending_closing_channels":[` + entry("closing") + `],"pending_force_closing_channels":[` + entry("forced") + `]}`),
	})
	s.replay(batchCall, opener(t))
	got, err := s.open(t.Context(), channelsOf("open", "new", "opening", "waiting", "closing", "forced", "other"))
	want := api.ChannelsResult{Opened: []api.Opened{{Memo: "new", Point: strings.Repeat("00", 31) + "02:0"}, {Memo: "other", Point: strings.Repeat("00", 31) + "02:1"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got := s.requested(batchCall); len(got) != 1 || !strings.Contains(got[0], `"memo":"new"`) || strings.Contains(got[0], `"memo":"open"`) {
		t.Errorf("requested %v", got)
	}
	if got, err := s.open(t.Context(), channelsOf("open")); err != nil || len(got.Opened)+len(got.Failed) > 0 || len(s.requested(batchCall)) != 1 {
		t.Errorf("nothing was missing: %v, %v", got, err)
	}
}

func TestOneBadChannelStopsNoOther(t *testing.T) {
	s := newStandIn(t, nil)
	s.replay(batchCall, opener(t, "bad"))
	got, err := s.open(t.Context(), channelsOf("a", "bad", "b"))
	point := strings.Repeat("00", 31) + "01:0"
	want := api.ChannelsResult{
		Opened: []api.Opened{{Memo: "a", Point: point}, {Memo: "b", Point: point}}, Failed: []api.ChannelFailure{{Memo: "bad", Message: "no bad"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = s.open(t.Context(), channelsOf("bad"))
	if diff := cmp.Diff(api.ChannelsResult{Failed: want.Failed}, got); diff != "" || err != nil || len(s.requested(batchCall)) != 5 {
		t.Errorf("alone: %v %s, %d batches", err, diff, len(s.requested(batchCall)))
	}
}

func TestNothingIsOpenedWhenTheChannelsAreUnknown(t *testing.T) {
	for _, list := range []string{"GET /v1/channels", "GET /v1/channels/pending"} {
		s := newStandIn(t, map[string]http.HandlerFunc{list: status(500, `{"message":"no list"}`)})
		s.replay(batchCall, opener(t))
		if got, err := s.open(t.Context(), channelsOf("a")); err == nil || len(s.requested(batchCall)) > 0 {
			t.Errorf("%s: %v", list, got)
		}
		// It can be repeated at once.
		s.answer(list, text(`{}`))
		if got, err := s.open(t.Context(), channelsOf("a")); err != nil || len(got.Opened) != 1 {
			t.Errorf("%s: %v, %v", list, got, err)
		}
	}
}

func TestAfterAnUnknownOutcomeNothingIsOpened(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"garbage":             text("<html>"),
		"too few channels":    text(`{"pending_channels":[]}`),
		"a closed connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		s := newStandIn(t, map[string]http.HandlerFunc{batchCall: answer})
		if _, err := s.open(t.Context(), channelsOf("a", "b")); !errors.Is(err, errSent) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.open(t.Context(), channelsOf("c")); !errors.Is(err, errUnknown) || statusOf(err) != api.StatusStuck || len(s.requested(batchCall)) != 1 {
			t.Errorf("%s: then %v, %d batches", name, err, len(s.requested(batchCall)))
		}
		// A new process has either finished the channels or forgotten them.
		s.started(t.Context(), api.Backend{}, false)
		s.replay(batchCall, opener(t))
		if _, err := s.open(t.Context(), channelsOf("c")); err != nil {
			t.Errorf("%s: after a restart: %v", name, err)
		}
	}
}

func TestARequestThatItsClientAbandonsRunsOnAlone(t *testing.T) {
	s := newStandIn(t, nil)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	s.replay(batchCall, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-proceed
		opener(t)(w, r)
	})
	ctx, abandon := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.open(ctx, channelsOf("a"))
		first <- err
	}()
	<-arrived
	if _, err := s.open(t.Context(), channelsOf("b")); !errors.Is(err, errOpening) || statusOf(err) != api.StatusBusy {
		t.Errorf("meanwhile: %v", err)
	}
	abandon()
	if err := <-first; !errors.Is(err, errOpening) {
		t.Errorf("the abandoned one: %v", err)
	}
	if _, err := s.open(t.Context(), channelsOf("b")); !errors.Is(err, errOpening) {
		t.Errorf("after its client has gone: %v", err)
	}
	s.replay(batchCall, opener(t))
	close(proceed)
	eventually(t, "another request is carried out", func() error {
		_, err := s.open(t.Context(), channelsOf("b"))
		return err
	})
}

func TestChannelsThatCannotBeOpenedAreInvalid(t *testing.T) {
	valid := channelsOf("a")[0]
	change := func(edit func(*api.NewChannel)) []api.NewChannel {
		c := valid
		edit(&c)
		return []api.NewChannel{c}
	}
	for name, channels := range map[string][]api.NewChannel{
		"no memo":           change(func(c *api.NewChannel) { c.Memo = "" }),
		"a long memo":       change(func(c *api.NewChannel) { c.Memo = strings.Repeat("x", api.MaxMemoBytes+1) }),
		"a memo twice":      {valid, valid},
		"no key":            change(func(c *api.NewChannel) { c.PubKey = "" }),
		"a key of letters":  change(func(c *api.NewChannel) { c.PubKey = strings.Replace(keyA, "a", "A", 1) }),
		"no capacity":       change(func(c *api.NewChannel) { c.Capacity = 0 }),
		"a negative push":   change(func(c *api.NewChannel) { c.Push = -1 }),
		"everything pushed": change(func(c *api.NewChannel) { c.Push = c.Capacity }),
		"too many":          make([]api.NewChannel, api.MaxChannels+1),
	} {
		if validateChannels(channels) == nil {
			t.Errorf("%s is valid", name)
		}
	}
	if err := validateChannels([]api.NewChannel{valid, {Memo: "b", PubKey: keyA, Capacity: 2, Push: 1, Private: true}}); err != nil {
		t.Error(err)
	}
}
