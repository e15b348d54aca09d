// Package lightningtest simulates LNDs, each with its agent, for tests. A node does what LND does as far as the operator can see it: it
// follows a chain, with a delay of one answer, starts on a recent chain only, has coins that mature, and channels that both ends report,
// each for itself.
package lightningtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// Block of a chain, whose genesis block is not among them.
type Block struct {
	Hash string
	// Time in seconds since 1970.
	Time int64
	// Script is the address that has the reward.
	Script string
}

// Chain returns the blocks of a node's bitcoind; nil and false if it does not answer.
type Chain func() ([]Block, bool)

// Network is a number of LNDs that can connect with each other.
type Network struct {
	// Now is the nodes' clock; nil for time.Now.
	Now func() time.Time

	// OpenDelay is how long LND takes to open channels, during which its agent accepts no other request for that.
	OpenDelay time.Duration

	mu       sync.Mutex
	nodes    map[string]*LND
	channels []*channel
	serial   int
	// restarts is the largest number of LNDs that have restarted at the same time, for another backend.
	restarts int
	// opened counts the channels by memo that were ever opened, and opening the requests for that in progress.
	opened  map[string]int
	opening int
	// losing is true when the next funding transaction is lost.
	losing bool
}

// New returns a network without nodes.
func New() *Network { return &Network{nodes: map[string]*LND{}, opened: map[string]int{}} }

// Opened is how often a channel with each memo was opened so far.
func (n *Network) Opened() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	opened := map[string]int{}
	for memo, count := range n.opened {
		opened[memo] = count
	}
	return opened
}

// Restarts is the largest number of LNDs so far that restarted for another backend at the same time.
func (n *Network) Restarts() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.restarts
}

// Opening is the number of requests to open channels that are in progress.
func (n *Network) Opening() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.opening
}

func (n *Network) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

// channel between two nodes, and its transactions.
type channel struct {
	memo, point        string
	from, to           *LND
	capacity, toAmount int64
	private            bool
	// number of the channel among all.
	number int
	// openedAt is the height before the funding transaction, and closedAt that before the closing one, -1 for none.
	openedAt, closedAt int64
	// forced is true when one end closed it alone, closer.
	forced bool
	closer *LND
	// pruned channels are in no graph any more, since their funding transaction is not where their short id has it.
	pruned bool
	// ids replace the short channel id at an end.
	ids map[*LND]string
	// forgotten are the ends that have abandoned the channel, and confirmed those that list it as open without its funding transaction.
	forgotten, confirmed map[*LND]bool
}

// LND is one simulated node.
type LND struct {
	net    *Network
	pubKey string
	chain  Chain
	// height is up to which the node has processed the chain, and seen what it will have with its next answer.
	height, seen int64
	tip          Block
	stopped      bool
	addresses    []string
	spent        int64
	peers        map[string]bool
	backend      *api.Backend
	needsBackend bool
	// secret is the state of the Secret for which LND waits, "" for none.
	secret api.SecretState
	// next is a backend for which LND has to end first, and restarting is true until it is active with another one.
	next       *api.Backend
	restarting bool
	opening    bool
	// graph has the short ids of the channels that the node knows by gossip, and deaf nodes learn no more of them.
	graph map[string]bool
	deaf  bool
	// losing nodes lose their closing transactions.
	losing bool
	// rejects are the errors of LND by what it is asked to do: "open", "close" or "connect"; "" for none.
	rejects map[string]string
	// calls are the requests for its state so far.
	calls int
}

const (
	fee           = 1_000
	maturity      = 100
	confirmations = 6
	closeDepth    = 3
	forceDelay    = 10
	maxTipAge     = 2 * time.Hour
)

// Start starts a node with a new wallet.
func (n *Network) Start(chain Chain) *LND {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serial++
	sum := sha256.Sum256(fmt.Append(nil, "node ", n.serial))
	l := &LND{net: n, pubKey: "02" + hex.EncodeToString(sum[:]), chain: chain, peers: map[string]bool{}, graph: map[string]bool{}, rejects: map[string]string{}}
	n.nodes[l.pubKey] = l
	return l
}

// PubKey of the node.
func (l *LND) PubKey() string { return l.pubKey }

// Stop ends the node, which keeps its wallet; Resume starts it again.
func (l *LND) Stop() {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.stopped = true
	l.disconnect()
}

func (l *LND) disconnect() {
	for key := range l.peers {
		delete(l.net.nodes[key].peers, l.pubKey)
	}
	l.peers = map[string]bool{}
}

// Resume starts a stopped node. It connects with the nodes that it has channels with by itself.
func (l *LND) Resume(chain Chain) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.stopped, l.chain = false, chain
	l.reconnect()
}

func (l *LND) reconnect() {
	l.height, l.seen = 0, 0
	for _, c := range l.net.channels {
		if other := c.other(l); other != nil && !other.stopped {
			l.peers[other.pubKey], other.peers[l.pubKey] = true, true
		}
	}
}

// other end of a channel of a node; nil if the node has no such channel.
func (c *channel) other(l *LND) *LND {
	if c.forgotten[l] {
		return nil
	}
	switch l {
	case c.from:
		return c.to
	case c.to:
		return c.from
	}
	return nil
}

// NewAddress of the wallet.
func (l *LND) NewAddress() string {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if len(l.addresses) == 0 {
		l.addresses = append(l.addresses, "bcrt1q"+l.pubKey[2:40])
	}
	return l.addresses[0]
}

// Connect with other nodes.
func (l *LND) Connect(peers []api.Peer) (failed []api.PeerFailure) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, p := range peers {
		other := l.net.nodes[p.PubKey]
		if other == nil || other.stopped || l.rejects["connect"] != "" {
			failed = append(failed, api.PeerFailure{PubKey: p.PubKey, Message: "dial tcp: connection refused"})
			continue
		}
		l.peers[p.PubKey], other.peers[l.pubKey] = true, true
	}
	return failed
}

// Open opens those of the channels whose memo the node has on none.
func (l *LND) Open(channels []api.NewChannel) (result api.ChannelsResult) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	fail := func(c api.NewChannel, message string) {
		result.Failed = append(result.Failed, api.ChannelFailure{Memo: c.Memo, Message: message})
	}
	confirmed, _ := l.balance()
	for _, c := range channels {
		exists := slices.ContainsFunc(l.reported(), func(r api.Channel) bool { return r.Memo == c.Memo })
		switch other := l.net.nodes[c.PubKey]; {
		case exists:
		case l.rejects["open"] != "":
			fail(c, l.rejects["open"])
		case !l.active() || other == nil || !other.active():
			fail(c, "channels cannot be created before the wallet is fully synced")
		case !l.peers[c.PubKey]:
			fail(c, "peer is not online")
		case confirmed < c.Capacity+fee:
			fail(c, "not enough witness outputs to create funding transaction")
		default:
			confirmed -= c.Capacity + fee
			l.spent += c.Capacity + fee
			result.Opened = append(result.Opened, api.Opened{Memo: c.Memo, Point: l.add(c, other)})
		}
	}
	return result
}

func (l *LND) add(c api.NewChannel, other *LND) (point string) {
	l.net.serial++
	l.net.opened[c.Memo]++
	sum := sha256.Sum256(fmt.Append(nil, "transaction ", l.net.serial))
	point = hex.EncodeToString(sum[:]) + ":0"
	blocks, _ := l.chain()
	l.net.channels = append(l.net.channels, &channel{
		memo: c.Memo, point: point, from: l, to: other, capacity: c.Capacity, toAmount: c.Push, private: c.Private, number: len(l.net.channels) + 1, openedAt: int64(len(blocks)), closedAt: -1, ids: map[*LND]string{},
		forgotten: map[*LND]bool{}, confirmed: map[*LND]bool{},
	})
	if l.net.losing {
		l.net.channels[len(l.net.channels)-1].openedAt, l.net.losing = math.MaxInt64, false
	}
	return point
}

// Close begins to close a channel; the message is LND's error, "" for none.
func (l *LND) Close(point string, force bool) (message string) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for _, c := range l.net.channels {
		other := c.other(l)
		switch {
		case c.point != point || other == nil:
		case c.closedAt >= 0:
			return ""
		case force && l.height <= c.openedAt && !c.confirmed[l]:
			return "the channel is not confirmed"
		case l.rejects["close"] != "" && !force:
			return l.rejects["close"]
		case !force && !l.peers[other.pubKey]:
			return "unable to gracefully close channel while peer is offline"
		default:
			c.closedAt, c.forced, c.closer = l.sent(), force, l
			return ""
		}
	}
	return "the channel does not exist"
}
