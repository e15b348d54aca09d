//go:build linux

package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// with another peer than that of channelsOf.
func withPeer(key string, memos ...string) []api.NewChannel {
	list := channelsOf(memos...)
	for i := range list {
		list[i].PubKey = key
	}
	return list
}

// One peer that does not answer LND must delay its own channels only.
func TestAPeerThatDoesNotAnswerDelaysNoOther(t *testing.T) {
	s := newStandIn(t, nil)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	s.replay(batchCall, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if strings.Contains(string(body), `"memo":"stuck"`) {
			close(arrived)
			<-proceed
		}
		opener(t)(w, r)
	})
	ctx, abandon := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.open(ctx, channelsOf("stuck"))
		first <- err
	}()
	<-arrived
	abandon()
	if err := <-first; !errors.Is(err, errOpening) {
		t.Errorf("the abandoned one: %v", err)
	}
	got, err := s.open(t.Context(), append(channelsOf("b"), withPeer(keyA, "c")...))
	want := api.ChannelsResult{Opened: []api.Opened{{Memo: "c", Point: strings.Repeat("00", 31) + "01:0"}}, Failed: []api.ChannelFailure{{Memo: "b", Waits: true}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	// After some time it is news.
	s.mu.Lock()
	s.agent.mu.Lock()
	s.openings[keyB] = opening{began: time.Now().Add(-api.OpenTimeout)}
	s.agent.mu.Unlock()
	s.mu.Unlock()
	if _, err := s.open(t.Context(), channelsOf("b")); !errors.Is(err, errStuck) || statusOf(err) != api.StatusStuck {
		t.Errorf("later: %v", err)
	}
	got, err = s.open(t.Context(), append(channelsOf("b"), withPeer(keyA, "d")...))
	if err != nil || len(got.Opened) != 1 || len(got.Failed) != 1 || got.Failed[0].Message != errStuck.Error() || !got.Failed[0].Waits {
		t.Errorf("later: %+v, %v", got, err)
	}
	close(proceed)
	eventually(t, "another request is carried out", func() error {
		_, err := s.open(t.Context(), channelsOf("b"))
		return err
	})
}

func TestAnOpeningHindersOthersUntilLNDHasForgottenIt(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		opening opening
		want    error
	}{
		"none":                         {opening{}, nil},
		"one that has begun":           {opening{began: now}, errOpening},
		"one that lasts":               {opening{began: now.Add(-api.OpenTimeout)}, errStuck},
		"an unknown outcome":           {opening{ended: now}, errUnknown},
		"an unknown outcome of before": {opening{ended: now.Add(-unknownPeriod)}, nil},
	} {
		if got := test.opening.hinders(now); !errors.Is(got, test.want) || got == nil && test.want != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// LND answers when it is disconnected from the peer that does not.
func TestLNDIsDisconnectedFromPeersThatDoNotAnswer(t *testing.T) {
	s := newStandIn(t, nil)
	s.openTimeout = 2 * time.Second // also of the request that succeeds
	disconnected := make(chan struct{}, 2)
	for _, key := range []string{keyA, keyB} {
		s.answer("DELETE /v1/peers/"+key, func(w http.ResponseWriter, r *http.Request) {
			disconnected <- struct{}{}
			text(`{}`)(w, r)
		})
	}
	s.answer(batchCall, func(w http.ResponseWriter, r *http.Request) {
		<-disconnected
		<-disconnected
		status(500, `{"message":"initial negotiation failed: peer disconnected"}`)(w, r)
	})
	if _, err := s.open(t.Context(), append(channelsOf("a", "b"), withPeer(keyA, "c")...)); !errors.Is(err, errStuck) {
		t.Errorf("%v", err)
	}
	// With the peers that answer channels can be opened at once, and not before.
	s.replay(batchCall, opener(t))
	eventually(t, "another request is carried out", func() error {
		_, err := s.open(t.Context(), channelsOf("a"))
		return err
	})
	if got := s.requested(batchCall); len(got) != 2 {
		t.Errorf("%d batches: %v", len(got), got)
	}
}
