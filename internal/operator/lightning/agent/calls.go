//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

var (
	errNotActive   = errors.New("LND is not active")
	errConfirmed   = errors.New("the channel is not forgotten, since its funding transaction is confirmed")
	errUnconfirmed = errors.New("the channel is not closed by force, since its funding transaction is not confirmed")

	pointPattern = regexp.MustCompile(`^[0-9a-f]{64}:[0-9]{1,10}$`)
)

// requireActive reports why LND would reject, or never answer, what it can do only when it is active. Errors: errNotActive.
func (a *agent) requireActive(ctx context.Context) error {
	if s := a.processState(); s.Process != api.Running {
		return fmt.Errorf("%w: %s", errNotActive, strings.Join(s.Problems, "; "))
	}
	switch state, err := a.lnd.stateOf(ctx); {
	case err != nil:
		return fmt.Errorf("%w: its state is unknown: %w", errNotActive, err)
	case state != api.LNDActive:
		return fmt.Errorf("%w: its state is %s", errNotActive, sentence(state))
	}
	return nil
}

// address returns one of the wallet, which LND has also while it waits for blocks.
func (a *agent) address(ctx context.Context) (string, error) {
	if s := a.processState(); s.Process != api.Running {
		return "", fmt.Errorf("%w: %s", errNotActive, strings.Join(s.Problems, "; "))
	}
	var answer struct{ Address string }
	err := a.lnd.call(ctx, http.MethodGet, "/v1/newaddress?type=UNUSED_WITNESS_PUBKEY_HASH", nil, &answer)
	return answer.Address, err
}

func validatePeers(peers []api.Peer) error {
	if len(peers) > api.MaxPeers {
		return fmt.Errorf("more than %d peers", api.MaxPeers)
	}
	for _, peer := range peers {
		if !pubKeyPattern.MatchString(peer.PubKey) || peer.Host == "" || len(peer.Host) > 300 {
			return errors.New("a peer has no public key or no host")
		}
	}
	return nil
}

// connect connects with the peers that are missing, in parallel.
func (a *agent) connect(ctx context.Context, peers []api.Peer) (api.PeersResult, error) {
	connected, err := a.peers(ctx)
	if err != nil {
		return api.PeersResult{}, err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	failed := map[string]string{}
	for _, peer := range peers {
		if slices.Contains(connected, peer.PubKey) {
			continue
		}
		group.Go(func() {
			if err := a.connectOne(ctx, peer); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[peer.PubKey] = sentence(err.Error())
			}
		})
	}
	group.Wait()
	var result api.PeersResult
	for _, peer := range peers {
		if message, ok := failed[peer.PubKey]; ok {
			result.Failed = append(result.Failed, api.PeerFailure{PubKey: peer.PubKey, Message: message})
		}
	}
	return result, nil
}

func (a *agent) connectOne(ctx context.Context, peer api.Peer) error {
	type address struct {
		PubKey string `json:"pubkey"`
		Host   string `json:"host"`
	}
	request := struct {
		Address address `json:"addr"`
		Timeout int     `json:"timeout,string"` // seconds
	}{address{peer.PubKey, peer.Host}, int(api.PeersTimeout.Seconds()) - 2}
	err := a.lnd.call(ctx, http.MethodPost, "/v1/peers", request, &struct{}{})
	// LND connects by itself too, with those that it has channels with.
	if rejected, ok := errors.AsType[*lndError](err); ok && strings.Contains(rejected.message, "already connected") {
		return nil
	}
	return err
}

// closeChannel returns when the closing transaction has been broadcast.
func (a *agent) closeChannel(ctx context.Context, request api.Close) error {
	_, all, err := a.listChannels(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(c api.Channel) bool { return c.Point == request.Point })
	switch {
	case request.Publish && (at < 0 || all[at].State != api.WaitingClose):
		return nil
	case request.Publish:
		return a.publish(ctx, request.Point)
	case request.Abandon && at < 0:
		return nil
	case request.Abandon && all[at].State != api.PendingOpen:
		return fmt.Errorf("%w: it is %s", errConfirmed, all[at].State)
	case request.Abandon:
		return a.abandon(ctx, request.Point)
	case at >= 0 && all[at].State == api.PendingOpen && request.Force:
		return errUnconfirmed
	case at >= 0 && all[at].State != api.PendingOpen && all[at].State != api.Open:
		return nil
	}
	path := "/v1/channels/" + strings.Replace(request.Point, ":", "/", 1)
	if request.Force {
		path += "?force=true"
	}
	// The first message of the stream is about the transaction. LND proceeds without a reader of the others.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var answer struct {
		Error *struct{ Message string }
	}
	if err := a.lnd.call(ctx, http.MethodDelete, path, nil, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return &lndError{status: http.StatusOK, message: sentence(answer.Error.Message)}
	}
	return nil
}

// abandon makes LND forget a channel. LND itself never does that to one that it opened, even if it ended between the agreement with the
// other end and the broadcast of the funding transaction.
func (a *agent) abandon(ctx context.Context, point string) error {
	path := "/v1/channels/abandon/" + strings.Replace(point, ":", "/", 1) + "?i_know_what_i_am_doing=true"
	return a.lnd.call(ctx, http.MethodDelete, path, nil, &struct{}{})
}
