package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// margin is how much longer than the agent the operator waits.
const margin = 2 * time.Second

// actions of a plan.
type actions struct {
	*Reconciler
	network  *v1.LightningNetwork
	bitcoin  *v1.BitcoinNetwork
	state    *networkState
	nodes    []node
	bitcoins map[int]*bitcoinNode
}

// start carries out a plan in the background.
func (a *actions) start(ctx context.Context, p *plan.Plan) {
	for _, ordinal := range p.Addresses {
		a.address(ctx, ordinal)
	}
	for _, c := range p.Connect {
		a.connect(ctx, c)
	}
	for _, o := range p.Open {
		a.open(ctx, o)
	}
	for _, c := range p.Close {
		a.close(ctx, c)
	}
	if p.Mine != nil && a.bitcoin != nil && a.bitcoins[p.Mine.Bitcoin] != nil {
		a.mineBlocks(ctx, *p.Mine)
	}
}

// agent of a node; false for one that does not run.
func (a *actions) agent(ordinal int) (api.Pod, bool) {
	if ordinal >= len(a.nodes) || a.nodes[ordinal].state == nil {
		return api.Pod{}, false
	}
	return a.agentOf(a.network, a.nodes[ordinal].pod), true
}

func (a *actions) address(ctx context.Context, ordinal int) {
	at, ok := a.agent(ordinal)
	if !ok || a.nodes[ordinal].state.Info == nil {
		return
	}
	info := a.nodes[ordinal].state.Info
	a.background.run(ctx, a.state, plan.KeyAddress(ordinal), api.CallTimeout+margin, func(ctx context.Context) error {
		address, err := a.agents.NewAddress(ctx, at)
		if err == nil {
			a.state.shared.setWallet(info.PubKey, address)
		}
		return err
	})
}

func (a *actions) connect(ctx context.Context, c plan.Connect) {
	at, ok := a.agent(c.Node)
	if !ok {
		return
	}
	a.background.run(ctx, a.state, c.Key(), api.PeersTimeout+margin, func(ctx context.Context) error {
		failed, err := a.agents.ConnectPeers(ctx, at, []api.Peer{c.Peer})
		if err == nil && len(failed) > 0 {
			err = errors.New(failed[0].Message)
		}
		return err
	})
}

func (a *actions) open(ctx context.Context, o plan.Open) {
	at, ok := a.agent(o.Node)
	if !ok {
		return
	}
	a.background.run(ctx, a.state, plan.KeyOpen(o.Node), api.OpenTimeout+margin, func(ctx context.Context) error {
		result, err := a.agents.OpenChannels(ctx, at, o.Channels)
		now := a.options.Now()
		for _, failed := range result.Failed {
			a.state.shared.report(plan.KeyChannel(failed.Memo), &plan.Failure{Message: failed.Message, Passes: failed.Waits, At: now})
		}
		names := make([]string, len(result.Opened))
		for i, opened := range result.Opened {
			a.state.shared.report(plan.KeyChannel(opened.Memo), nil)
			names[i] = opened.Point
		}
		if len(names) > 0 {
			a.record(corev1.EventTypeNormal, v1.LightningEventChannelsOpened, "Open",
				fmt.Sprintf("node %d has sent the funding transactions of %d channels: %s", o.Node, len(names), phrase.JoinSome(names)))
		}
		return err
	})
}

func (a *actions) close(ctx context.Context, c plan.Close) {
	at, ok := a.agent(c.Node)
	if !ok {
		return
	}
	if c.Abandon {
		a.abandon(ctx, at, c)
		return
	}
	a.background.run(ctx, a.state, c.Key(), api.CloseTimeout+margin, func(ctx context.Context) error {
		err := a.agents.CloseChannel(ctx, at, api.Close{Point: c.Point, Force: c.Force, Publish: c.Publish})
		if err != nil || c.Publish {
			return err
		}
		if c.Force {
			a.record(corev1.EventTypeWarning, v1.LightningEventChannelForceClosed, "Close", fmt.Sprintf("channel %s (%s) is closed by force: %s", c.Channel, c.Point, c.Cause))
		} else {
			a.record(corev1.EventTypeNormal, v1.LightningEventChannelsClosed, "Close", fmt.Sprintf("channel %s (%s) is being closed: %s", c.Channel, c.Point, c.Cause))
		}
		return nil
	})
}

func (a *actions) mineBlocks(ctx context.Context, m plan.Mine) {
	miner := a.bitcoins[m.Bitcoin]
	if miner.Tip == nil {
		return
	}
	a.background.run(ctx, a.state, plan.KeyMine, mineTimeout, func(ctx context.Context) error {
		height, err := a.mine(ctx, a.bitcoin, miner, m.Rewards)
		if errors.Is(err, errOvertaken) {
			return err
		}
		mined := int(height - miner.Tip.Height)
		a.state.shared.setMined(a.bitcoin.UID, &m, mined, height, a.options.Now())
		if mined > 0 {
			a.record(corev1.EventTypeNormal, v1.LightningEventBlocksMined, "Mine",
				fmt.Sprintf("%d blocks are mined on node %d of the BitcoinNetwork %s, %s", mined, m.Bitcoin, a.bitcoin.Name, m.Purpose))
		}
		return err
	})
}

func (a *actions) record(eventType, reason, action, note string) {
	eventlog.Record(a.recorder, a.network, eventlog.Event{Type: eventType, Reason: reason, Action: action, Note: note})
}

// failureOf is what is reported of an error, nil for none. One without a message only delays the next attempt.
func failureOf(err error, now time.Time) *plan.Failure {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, api.ErrBusy), errors.Is(err, api.ErrNotActive), errors.Is(err, api.ErrOtherPod), errors.Is(err, errOvertaken), errors.Is(err, lease.ErrNotRenewed), errors.Is(err, context.Canceled):
		return &plan.Failure{At: now}
	}
	return &plan.Failure{Message: strings.TrimSpace(phrase.OfError(err)), Passes: errors.Is(err, api.ErrStuck), At: now}
}

func (s *shared) setWallet(pubKey, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wallets[pubKey] = address
}

// setMined stores that blocks were mined on a BitcoinNetwork, up to a height.
func (s *shared) setMined(on types.UID, m *plan.Mine, blocks int, height int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.minedOn != on {
		s.minedOn = on
		clear(s.minedTo)
	}
	s.minedTo[m.Bitcoin] = minedHeight{height, now}
	s.mined = s.mined.With(m, blocks, now)
	for _, reward := range m.Rewards {
		for pubKey, address := range s.wallets {
			if address == reward.Address {
				delete(s.wallets, pubKey) // it is used
			}
		}
	}
}
