//go:build linux

package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

const (
	// listTimeout of the lists of channels before some are opened or closed.
	listTimeout = 10 * time.Second
	// unknownPeriod is how long no channel is opened after a request whose outcome is unknown: LND forgets what it has not finished after
	// ten minutes, and checks that once a minute.
	unknownPeriod = 12 * time.Minute
)

var (
	errOpening = errors.New("a request to open channels has not ended yet")
	errStuck   = fmt.Errorf("a request to open channels with the same peer has not ended within %v: a peer does not answer, and LND is disconnected from those of the request", api.OpenTimeout)
	errUnknown = errors.New("the outcome of a request to open channels is unknown: LND will have finished or forgotten it within twelve minutes")

	pubKeyPattern = regexp.MustCompile(`^0[23][0-9a-f]{64}$`)
)

// validateChannels reports why channels cannot be opened.
func validateChannels(channels []api.NewChannel) error {
	if len(channels) > api.MaxChannels {
		return fmt.Errorf("more than %d channels", api.MaxChannels)
	}
	memos := map[string]bool{}
	for _, c := range channels {
		switch {
		case c.Memo == "" || len(c.Memo) > api.MaxMemoBytes:
			return fmt.Errorf("a memo must have 1 to %d bytes", api.MaxMemoBytes)
		case memos[c.Memo]:
			return fmt.Errorf("the memo %s occurs twice", c.Memo)
		case !pubKeyPattern.MatchString(c.PubKey):
			return fmt.Errorf("%s: the public key is none", c.Memo)
		case c.Capacity <= 0 || c.Push < 0 || c.Push >= c.Capacity:
			return fmt.Errorf("%s: the capacity must be positive and more than what is pushed", c.Memo)
		}
		memos[c.Memo] = true
	}
	return nil
}

type openOutcome struct {
	result api.ChannelsResult
	err    error
}

// opening is a request to open channels with a peer.
type opening struct {
	began time.Time
	// ended is when its outcome was unknown, zero while it has not ended.
	ended time.Time
}

// open opens what is missing of the channels. A request may last longer than its client waits, and LND does not end one that is
// abandoned: it runs on, and no other with one of its peers begins before its end.
func (a *agent) open(ctx context.Context, channels []api.NewChannel) (api.ChannelsResult, error) {
	run, free, waiting, err := a.beginOpening(channels)
	if err != nil {
		return api.ChannelsResult{}, err
	}
	ended := make(chan openOutcome, 1)
	go func() {
		var disconnected atomic.Bool
		unstick := time.AfterFunc(a.openTimeout, func() {
			disconnected.Store(true)
			a.disconnect(run, free)
		})
		defer unstick.Stop()
		result, err := a.openMissing(run, free, &disconnected)
		a.endOpening(free, err)
		result.Failed = append(result.Failed, waiting...)
		ended <- openOutcome{result, err}
	}()
	timeout := time.NewTimer(a.openTimeout)
	defer timeout.Stop()
	select {
	case outcome := <-ended:
		return outcome.result, outcome.err
	case <-timeout.C:
		return api.ChannelsResult{}, errStuck
	case <-ctx.Done():
		return api.ChannelsResult{}, errOpening
	}
}

// beginOpening returns the context of LND's process, and the channels with peers with which no others are being opened. The others wait.
// Errors, when all wait: errOpening, errStuck, errUnknown.
func (a *agent) beginOpening(channels []api.NewChannel) (run context.Context, free []api.NewChannel, waiting []api.ChannelFailure, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for _, c := range channels {
		reason := a.openings[c.PubKey].hinders(now)
		if reason == nil {
			free = append(free, c)
			continue
		}
		failure := api.ChannelFailure{Memo: c.Memo, Waits: true}
		if !errors.Is(reason, errOpening) {
			failure.Message = reason.Error()
		}
		waiting, err = append(waiting, failure), reason
	}
	if len(free) == 0 && err != nil {
		return nil, nil, nil, err
	}
	if a.openings == nil {
		a.openings = map[string]opening{}
	}
	for _, c := range free {
		a.openings[c.PubKey] = opening{began: now}
	}
	return a.run, free, waiting, nil
}

// hinders is why no other request may begin; nil for none.
func (o opening) hinders(now time.Time) error {
	switch {
	case !o.ended.IsZero() && now.Before(o.ended.Add(unknownPeriod)):
		return errUnknown
	case !o.ended.IsZero(), o.began.IsZero():
		return nil
	case now.Before(o.began.Add(api.OpenTimeout)):
		return errOpening
	}
	return errStuck
}

func (a *agent) endOpening(channels []api.NewChannel, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range channels {
		if errors.Is(err, errSent) && a.run.Err() == nil {
			a.openings[c.PubKey] = opening{ended: a.now()}
		} else {
			delete(a.openings, c.PubKey)
		}
	}
}

// errSent wraps the error of a request to open channels of which the outcome is unknown.
var errSent = errors.New("it is unknown whether channels were opened")

// openMissing opens the channels with one transaction or, when that fails while LND is connected with their peers, one by one.
func (a *agent) openMissing(ctx context.Context, channels []api.NewChannel, disconnected *atomic.Bool) (api.ChannelsResult, error) {
	missing, err := a.missing(ctx, channels)
	if err != nil || len(missing) == 0 {
		return api.ChannelsResult{}, err
	}
	opened, err := a.batch(ctx, missing)
	if err == nil {
		return api.ChannelsResult{Opened: opened}, nil
	}
	rejected, ok := errors.AsType[*lndError](err)
	if !ok {
		return api.ChannelsResult{}, err
	}
	if disconnected.Load() {
		return api.ChannelsResult{}, errStuck
	}
	if len(missing) == 1 {
		return api.ChannelsResult{Failed: []api.ChannelFailure{{Memo: missing[0].Memo, Message: rejected.message}}}, nil
	}
	return a.oneByOne(ctx, missing)
}

// disconnect ends a request to open channels in which a peer does not answer: LND cancels what it agrees on with a peer that it is not
// connected with, and would wait ten minutes otherwise. The operator connects it again with those that answer.
func (a *agent) disconnect(ctx context.Context, channels []api.NewChannel) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	keys := map[string]bool{}
	for _, c := range channels {
		keys[c.PubKey] = true
	}
	for key := range keys {
		if err := a.lnd.call(ctx, http.MethodDelete, "/v1/peers/"+key, nil, &struct{}{}); err != nil && ctx.Err() == nil {
			a.report("disconnect from %s: %v", key, err)
		}
	}
}

// oneByOne opens channels after their batch failed, for which one channel is enough.
func (a *agent) oneByOne(ctx context.Context, channels []api.NewChannel) (result api.ChannelsResult, err error) {
	for _, channel := range channels {
		missing, err := a.missing(ctx, []api.NewChannel{channel})
		if err != nil {
			return result, err
		}
		if len(missing) == 0 {
			continue
		}
		opened, err := a.batch(ctx, missing)
		if rejected, ok := errors.AsType[*lndError](err); ok {
			result.Failed = append(result.Failed, api.ChannelFailure{Memo: channel.Memo, Message: rejected.message})
			continue
		}
		if err != nil {
			return result, err
		}
		result.Opened = append(result.Opened, opened...)
	}
	return result, nil
}

// missing are the channels of whose memo LND has none, in whatever state.
func (a *agent) missing(ctx context.Context, channels []api.NewChannel) ([]api.NewChannel, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	_, all, err := a.listChannels(ctx)
	if err != nil {
		return nil, err
	}
	memos := map[string]bool{}
	for _, channel := range all {
		memos[channel.Memo] = true
	}
	var missing []api.NewChannel
	for _, channel := range channels {
		if !memos[channel.Memo] {
			missing = append(missing, channel)
		}
	}
	return missing, nil
}

// batch opens all channels with one transaction, or none. Errors: *lndError, errSent.
func (a *agent) batch(ctx context.Context, channels []api.NewChannel) ([]api.Opened, error) {
	type entry struct {
		PubKey   []byte `json:"node_pubkey"`
		Capacity int64  `json:"local_funding_amount,string"`
		Push     int64  `json:"push_sat,string"`
		Private  bool   `json:"private"`
		Memo     string `json:"memo"`
	}
	var request struct {
		Channels []entry `json:"channels"`
	}
	for _, c := range channels {
		key, err := hex.DecodeString(c.PubKey)
		if err != nil {
			return nil, err
		}
		request.Channels = append(request.Channels, entry{PubKey: key, Capacity: c.Capacity, Push: c.Push, Private: c.Private, Memo: c.Memo})
	}
	var answer struct {
		Pending []pendingUpdate `json:"pending_channels"`
	}
	err := a.lnd.call(ctx, http.MethodPost, "/v1/channels/batch", request, &answer)
	if _, rejected := errors.AsType[*lndError](err); rejected {
		return nil, err
	}
	if err == nil && len(answer.Pending) != len(channels) {
		err = fmt.Errorf("LND reports %d channels of %d", len(answer.Pending), len(channels))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSent, err)
	}
	opened := make([]api.Opened, len(channels))
	for i, update := range answer.Pending {
		opened[i] = api.Opened{Memo: channels[i].Memo, Point: update.point()}
	}
	return opened, nil
}
