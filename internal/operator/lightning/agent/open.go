//go:build linux

package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
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

// open opens what is missing of the channels. A request may last longer than its client waits, and LND does not end one that is
// abandoned: it runs on, and no other begins before its end.
func (a *agent) open(ctx context.Context, channels []api.NewChannel) (api.ChannelsResult, error) {
	run, err := a.beginOpening()
	if err != nil {
		return api.ChannelsResult{}, err
	}
	ended := make(chan openOutcome, 1)
	go func() {
		result, err := a.openMissing(run, channels)
		a.endOpening(err)
		ended <- openOutcome{result, err}
	}()
	timeout := time.NewTimer(api.OpenTimeout)
	defer timeout.Stop()
	select {
	case outcome := <-ended:
		return outcome.result, outcome.err
	case <-timeout.C:
	case <-ctx.Done():
	}
	return api.ChannelsResult{}, errOpening
}

// beginOpening returns the context of LND's process. Errors: errOpening, errUnknown.
func (a *agent) beginOpening() (context.Context, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.opening:
		return nil, errOpening
	case a.now().Before(a.unknownUntil):
		return nil, errUnknown
	}
	a.opening = true
	return a.run, nil
}

func (a *agent) endOpening(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opening = false
	if errors.Is(err, errSent) && a.run.Err() == nil {
		a.unknownUntil = a.now().Add(unknownPeriod)
	}
}

// errSent wraps the error of a request to open channels of which the outcome is unknown.
var errSent = errors.New("it is unknown whether channels were opened")

func (a *agent) openMissing(ctx context.Context, channels []api.NewChannel) (api.ChannelsResult, error) {
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
	if len(missing) == 1 {
		return api.ChannelsResult{Failed: []api.ChannelFailure{{Memo: missing[0].Memo, Message: rejected.message}}}, nil
	}
	return a.oneByOne(ctx, missing)
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
