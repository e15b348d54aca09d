package lightningtest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// State is what the agent reports. LND processes the blocks that it has just seen after the answer.
func (l *LND) State() api.State {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.calls++
	if l.secret != "" || l.needsBackend && l.backend == nil {
		return api.State{Process: api.Waiting, Secret: l.secret}
	}
	s := api.State{Process: api.Running, LND: api.LNDSyncing}
	if l.backend != nil {
		s.Backend = l.backend.Digest()
	}
	if l.next != nil {
		// LND has not ended yet in this answer.
		s.Next = l.next.Digest()
		defer l.restart()
	}
	blocks, answers := l.chain()
	if answers {
		l.height, l.seen = min(l.seen, int64(len(blocks))), int64(len(blocks))
		l.tip = Block{Hash: "genesis"}
		if l.height > 0 {
			l.tip = blocks[l.height-1]
		}
	}
	if l.active() {
		s.LND, l.restarting = api.LNDActive, false
	}
	s.Info = &api.Info{
		PubKey: l.pubKey, Alias: "simulated", Version: "0.21.0", Height: l.seen, BlockHash: l.tip.Hash, BestBlockTime: time.Unix(l.tip.Time, 0),
		SyncedToChain: l.active() && l.height == l.seen,
	}
	confirmed, unconfirmed := l.balance()
	s.Wallet = &api.Wallet{Confirmed: confirmed, Unconfirmed: unconfirmed}
	s.Peers = slices.Sorted(maps.Keys(l.peers))
	if s.Peers == nil {
		s.Peers = []string{}
	}
	s.Channels = l.reported()
	l.know(s.Channels)
	s.Graph = slices.AppendSeq([]string{}, maps.Keys(l.graph))
	l.listen()
	return s
}

// restart LND with the next backend: it has no peers and has not processed the chain.
func (l *LND) restart() {
	l.backend, l.next, l.restarting = l.next, nil, true
	l.disconnect()
	l.reconnect()
	restarting := 0
	for _, n := range l.net.nodes {
		if n.restarting {
			restarting++
		}
	}
	l.net.restarts = max(l.net.restarts, restarting)
}

// active reports whether the chain is recent enough for LND.
func (l *LND) active() bool {
	return !l.stopped && l.height > 0 && l.net.now().Sub(time.Unix(l.tip.Time, 0)) < maxTipAge
}

// balance of the wallet. The change of a transaction is unconfirmed until the transaction is in a block.
func (l *LND) balance() (confirmed, unconfirmed int64) {
	blocks, _ := l.chain()
	for i, b := range blocks[:min(l.height, int64(len(blocks)))] {
		if slices.Contains(l.addresses, b.Script) && l.height-int64(i) >= maturity {
			confirmed += 50 * 100_000_000 >> ((i + 1) / 150)
		}
	}
	confirmed -= l.spent
	for _, c := range l.net.channels {
		if c.from == l && !c.forgotten[l] && l.height <= c.openedAt {
			return 0, confirmed
		}
	}
	return confirmed, 0
}

// reported are the node's channels as it sees them at its height.
func (l *LND) reported() []api.Channel {
	list := []api.Channel{}
	for _, c := range l.net.channels {
		other := c.other(l)
		if other == nil {
			continue
		}
		r := api.Channel{
			Point: c.point, RemotePubKey: other.pubKey, Capacity: c.capacity, Local: c.capacity - c.toAmount, Remote: c.toAmount, Private: c.private,
			Initiator: l == c.from, State: api.PendingOpen,
		}
		if l == c.from {
			r.Memo = c.memo
		} else {
			r.Local, r.Remote = r.Remote, r.Local
		}
		if !l.report(c, other, &r) {
			continue
		}
		list = append(list, r)
	}
	return list
}

// report sets the state of a channel; false for one that is closed.
func (l *LND) report(c *channel, other *LND, r *api.Channel) bool {
	// What the other end has closed alone is known when its transaction is in a block.
	if c.closedAt >= 0 && (!c.forced || l == c.closer || l.height > c.closedAt) {
		r.State, r.Forced = api.WaitingClose, c.forced
		switch depth := l.height - c.closedAt; {
		case !c.forced && depth >= closeDepth, c.forced && depth >= forceDelay+closeDepth:
			return false
		case c.forced && depth >= 1:
			r.State = api.ForceClosing
		}
		return true
	}
	if l.height <= c.openedAt && !c.confirmed[l] {
		return true
	}
	r.State = api.Open
	r.ShortID = c.idAt(l)
	r.Active = l.peers[other.pubKey] && other.height > c.openedAt && !c.forgotten[other]
	if r.Active {
		r.Policies = 2
	}
	r.Announced = !c.private && l.height >= c.openedAt+confirmations && r.Active
	if c.closedAt >= 0 || !r.Announced && !c.private {
		r.Policies = min(r.Policies, 1)
	}
	if c.pruned {
		r.Policies, r.Announced, r.NotInGraph = 0, false, true
	}
	return true
}

// idAt is the short id of an open channel at an end. Channels of one block differ in their position there.
func (c *channel) idAt(l *LND) string {
	if id := c.ids[l]; id != "" {
		return id
	}
	return fmt.Sprintf("%dx%dx0", c.openedAt+1, c.number)
}

// Calls are the requests for the node's state so far.
func (l *LND) Calls() int {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	return l.calls
}

// Active reports whether LND is active, as its readiness probe finds it.
func (l *LND) Active() bool {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.secret != "" || l.needsBackend && l.backend == nil || l.restarting {
		return false
	}
	blocks, answers := l.chain()
	if !answers || len(blocks) == 0 {
		return false
	}
	return !l.stopped && l.net.now().Sub(time.Unix(blocks[len(blocks)-1].Time, 0)) < maxTipAge
}

// CertificateHosts are the names and addresses that the operator has given LND for its certificate.
func (l *LND) CertificateHosts() string {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.backend == nil {
		return ""
	}
	return l.backend.CertificateHosts
}
