//go:build linux

package agent

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// infoTimeout is how much of StateTimeout getinfo may take, since the rest waits for it.
const infoTimeout = 2 * api.StateTimeout / 3

// state gathers what LND reports, within StateTimeout.
func (a *agent) state(ctx context.Context) api.State {
	ctx, cancel := context.WithTimeout(ctx, api.StateTimeout)
	defer cancel()
	s := a.processState()
	if s.Process != api.Running {
		return s
	}
	state, err := a.lnd.stateOf(ctx)
	if err != nil {
		s.Problems = append(s.Problems, problem("the state of LND", err))
		return s
	}
	s.LND = state
	if state != api.LNDSyncing && state != api.LNDActive {
		return s
	}
	g := gathering{state: &s}
	g.add("getinfo", func() (func(), error) {
		ctx, cancel := context.WithTimeout(ctx, infoTimeout)
		defer cancel()
		var answer infoAnswer
		err := a.lnd.call(ctx, http.MethodGet, "/v1/getinfo", nil, &answer)
		return func() { s.Info = answer.info() }, err
	})
	// First: a balance or a channel of before a block must not come with the height of after it.
	g.group.Wait()
	g.add("the balance of the wallet", func() (func(), error) {
		var answer balanceAnswer
		err := a.lnd.call(ctx, http.MethodGet, "/v1/balance/blockchain", nil, &answer)
		return func() { s.Wallet = &api.Wallet{Confirmed: answer.Confirmed, Unconfirmed: answer.Unconfirmed} }, err
	})
	g.add("the list of peers", func() (func(), error) {
		peers, err := a.peers(ctx)
		return func() { s.Peers = peers }, err
	})
	g.add("the list of channels", func() (func(), error) {
		channels, graph, err := a.channels(ctx)
		return func() { s.Channels, s.Graph = channels, graph }, err
	})
	g.wait()
	return s
}

// gathering is a State whose parts are requested in parallel.
type gathering struct {
	state *api.State
	mu    sync.Mutex
	group sync.WaitGroup
}

// add requests a part, and sets it unless that fails.
func (g *gathering) add(part string, get func() (set func(), err error)) {
	g.group.Go(func() {
		set, err := get()
		g.mu.Lock()
		defer g.mu.Unlock()
		if err != nil {
			g.state.Problems = append(g.state.Problems, problem(part, err))
			return
		}
		set()
	})
}

// wait for all parts. The problems have an order, since the operator reports them: another order would be another status.
func (g *gathering) wait() {
	g.group.Wait()
	slices.Sort(g.state.Problems)
}

// problem is the sentence for a part that is missing.
func problem(part string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return sentence(part + " is unknown: LND does not answer in time")
	}
	return sentence(part + " is unknown: " + err.Error())
}

// peers are the public keys of the connected ones.
func (a *agent) peers(ctx context.Context) ([]string, error) {
	var answer peersAnswer
	if err := a.lnd.call(ctx, http.MethodGet, "/v1/peers", nil, &answer); err != nil {
		return nil, err
	}
	keys := make([]string, len(answer.Peers))
	for i, peer := range answer.Peers {
		keys[i] = peer.PubKey
	}
	return keys, nil
}

// channels are all that LND has, with what its graph has of the open ones, and the short ids of those in its graph that anybody can pay over.
func (a *agent) channels(ctx context.Context) (list []api.Channel, graph []string, err error) {
	open, list, err := a.listChannels(ctx)
	if err != nil {
		return nil, nil, err
	}
	var answer graphAnswer
	// One request, and not one for each channel. LND has no cache for it, see package resources.
	if err := a.lnd.call(ctx, http.MethodGet, graphPath, nil, &answer); err != nil {
		return nil, nil, err
	}
	edges := map[uint64]edgeAnswer{}
	for _, edge := range answer.Edges {
		edges[edge.ID] = edge
	}
	for i, channel := range open {
		edge, exists := edges[channel.ID]
		list[i].Policies, list[i].Announced, list[i].NotInGraph = edge.policies(), edge.Proof != nil, !exists
	}
	return list, answer.usable(), nil
}

// listChannels returns the open channels as LND has them, and all channels, of which the open ones are the first.
func (a *agent) listChannels(ctx context.Context) (open []openChannel, all []api.Channel, err error) {
	// Between two requests a channel may become open, or begin to close: no order of two of them shows every channel.
	var before, after channelsAnswer
	var pending pendingAnswer
	for _, request := range []struct {
		path   string
		answer any
	}{{"/v1/channels", &before}, {"/v1/channels/pending", &pending}, {"/v1/channels", &after}} {
		if err := a.lnd.call(ctx, http.MethodGet, request.path, nil, request.answer); err != nil {
			return nil, nil, err
		}
	}
	known := map[string]bool{}
	all = []api.Channel{}
	add := func(channel api.Channel) bool {
		isNew := !known[channel.Point]
		if isNew {
			known[channel.Point] = true
			all = append(all, channel)
		}
		return isNew
	}
	for _, channel := range after.Channels {
		if add(channel.channel()) {
			open = append(open, channel)
		}
	}
	for _, channel := range pending.channels() {
		add(channel)
	}
	for _, channel := range before.Channels {
		add(channel.channel())
	}
	return open, all, nil
}
