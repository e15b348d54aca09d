package lightningtest

import (
	"math"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// Reject makes LND reject what it is asked to do, "open", "close" or "connect", with an error; "" lets it.
func (l *LND) Reject(what, message string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.rejects[what] = message
}

// SetShortID makes an end report another short channel id, as after a reorganisation of the funding transaction.
func (l *LND) SetShortID(point, id string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, c := range l.net.channels {
		if c.point == point {
			c.ids[l] = id
		}
	}
}

// LoseFunding makes the funding transaction of a channel that is not confirmed vanish from bitcoind.
func (n *Network) LoseFunding(point string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.channels {
		if c.point == point {
			c.openedAt = math.MaxInt64
		}
	}
}

// LoseNextFunding makes the funding transaction of the next channel vanish.
func (n *Network) LoseNextFunding() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.losing = true
}

// Abandon makes LND forget a channel that is not confirmed; the message is the agent's error, "" for none.
func (l *LND) Abandon(point string) (message string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, c := range l.net.channels {
		switch {
		case c.point != point || c.other(l) == nil:
		case c.closedAt >= 0 || l.height > c.openedAt || c.confirmed[l]:
			return "the channel is confirmed"
		default:
			c.forgotten[l] = true
			if l == c.from {
				l.spent -= c.capacity + fee
			}
		}
	}
	return ""
}

// KeepOpen makes an end list a channel as open whose funding transaction is in no block any more, as before it knows of a reorganisation.
func (l *LND) KeepOpen(point string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, c := range l.net.channels {
		if c.point == point {
			c.confirmed[l] = true
		}
	}
}

// ForgetBackend makes the agent wait for one, as in a new pod.
func (l *LND) ForgetBackend() {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.backend, l.next, l.restarting, l.needsBackend = nil, nil, false, true
}

// SetSecret lets LND wait for the Secret of its user, or "" for no longer.
func (l *LND) SetSecret(state api.SecretState) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.secret = state
}

// LoseClosings makes bitcoind reject the closing transactions of the node until it does not any more, as while it has lost the funding ones:
// LND does not find out.
func (l *LND) LoseClosings(lose bool) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.losing = lose
}

// Publish sends the closing transaction of a channel again; the message is the agent's error, "" for none.
func (l *LND) Publish(point string) (message string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, c := range l.net.channels {
		switch {
		case c.point != point || c.closedAt != math.MaxInt64:
		case l.losing:
			return "bitcoind rejects it: missing inputs"
		default:
			c.closedAt = l.sent()
		}
	}
	return ""
}

// sent is the height before a transaction that the node sends now.
func (l *LND) sent() int64 {
	if l.losing {
		return math.MaxInt64
	}
	blocks, _ := l.chain()
	return int64(len(blocks))
}
