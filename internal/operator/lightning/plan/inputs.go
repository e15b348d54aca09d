package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Inputs are what a plan depends on.
type Inputs struct {
	Now time.Time
	// UID of the LightningNetwork, and Name that of its BitcoinNetwork, for messages.
	UID, BitcoinNetwork string
	// Nodes by ordinal: the desired ones, whose number is Wanted, and after them removed ones that still run.
	Nodes  []Node
	Wanted int
	// Desired channels of the specification.
	Desired []Channel
	// Bitcoins are the nodes of the BitcoinNetwork that the nodes use, by ordinal.
	Bitcoins map[int]Bitcoin
	// Forked means that the BitcoinNetwork reports competing branches.
	Forked bool
	// Previous is the status of the channels after the last pass.
	Previous []v1.LightningChannelStatus
	// WasSynced is whether the condition Synced was true after the last pass.
	WasSynced    bool
	CloseTimeout time.Duration
	// Since has the time when a mark of the earlier plans was set first, as long as each plan since has had it.
	Since map[string]time.Time
	// Busy are the actions that have not ended yet, by their key.
	Busy map[string]bool
	// Failures are those of the actions that failed when they were last tried.
	Failures map[string]Failure
	// Mined is the last mining of the operator for this network.
	Mined Mined
}

// Node is an LND.
type Node struct {
	Ordinal int
	// Address is where its peers reach it, <host>:<port>.
	Address string
	// Bitcoin is the ordinal of its bitcoind, -1 for none.
	Bitcoin int
	// Exists is whether its pod does.
	Exists bool
	// State is its answer in this pass; nil if it did not answer.
	State *api.State
	// Wallet is an address of its wallet; "" while it is unknown.
	Wallet string
}

// Bitcoin is a node of the BitcoinNetwork.
type Bitcoin struct {
	Ordinal int
	// Side is the number of its partition, 0 without partitions.
	Side int
	// Tip is its best block, nil if it did not answer.
	Tip *Tip
	// MinedTo is the height after the operator's last mining on this node, 0 for none.
	MinedTo int64
}

// Tip is the best block of a node.
type Tip struct {
	Height int64
	Hash   string
	Time   time.Time
}

// Failure of an action.
type Failure struct {
	// Message has the cause, "" if that is no news, Count how often it failed in a row, and At when it last did.
	Message string
	Count   int
	At      time.Time
	// Passes means that it passes by itself: the user need not act, however often it fails.
	Passes bool
}

// Mined is what the operator mined last for a network.
type Mined struct {
	// Key of the plan's Mine, and how often one with the same key was carried out in a row before.
	Key     string
	Repeats int
	At      time.Time
	// For are the blocks for each transaction that waits for some, or did so within the last hour.
	For map[string]Minings
}

// Minings are blocks for the same transaction. At is when it waited last.
type Minings struct {
	Blocks int
	At     time.Time
}

// miningsLifetime is how long they count while nobody reports the transaction.
const miningsLifetime = time.Hour

// Restored has what the status remembers too, which an operator that has been restarted does not.
func (m Mined) Restored(in *Inputs) Mined {
	known := map[string]Minings{}
	maps.Copy(known, m.For)
	for i := range in.Previous {
		c := &in.Previous[i]
		mined := int(c.BlocksMined)
		if max(known[c.Point].Blocks, known[KeyClose(c.Point)].Blocks) >= mined {
			continue
		}
		for _, key := range in.countedFor(c) {
			known[key] = Minings{mined, in.Now}
		}
	}
	m.For = known
	return m
}

// countedFor are the transactions that the blocks of a row may be for, which it does not have. They are none as long as that is unknown.
func (in *Inputs) countedFor(c *v1.LightningChannelStatus) []string {
	to := in.node(int(c.To))
	switch other := to.channel(c.Point); {
	case c.ShortID == "" && isClosing(c):
		return []string{c.Point, KeyClose(c.Point)}
	case c.ShortID == "":
		return []string{c.Point}
	case other != nil && other.State == api.WaitingClose:
		return []string{KeyClose(c.Point)} // the end that opened it lists it as open
	case to != nil && !to.listsChannels():
		return nil
	}
	return []string{c.Point}
}

// Await keeps what still waits for blocks according to a plan, and forgets what does not.
func (m Mined) Await(p *Plan, now time.Time) Mined {
	known := maps.Clone(m.For)
	for _, key := range p.Arrived {
		delete(known, key)
	}
	for _, key := range p.Awaited {
		if before, mined := known[key]; mined {
			known[key] = Minings{before.Blocks, now}
		}
	}
	m.For = known
	return m
}

// With is what was mined last after so many blocks of a plan.
func (m Mined) With(mine *Mine, blocks int, now time.Time) Mined {
	next := Mined{Key: mine.Key, At: now, For: map[string]Minings{}}
	if m.Key == mine.Key {
		next.Repeats = m.Repeats + 1
	}
	for key, before := range m.For {
		if now.Sub(before.At) < miningsLifetime {
			next.For[key] = before
		}
	}
	for _, key := range mine.Waiting {
		next.For[key] = Minings{next.For[key].Blocks + blocks, now}
	}
	return next
}

// Bounds of the time between two attempts of an action that fails.
const (
	minRetry = 500 * time.Millisecond
	maxRetry = 30 * time.Second
	// maxWaitRetry is the longest time for an action that only waits, as for the blocks of another network or for another request: nothing
	// starts a pass when that has ended, and a long time would be one for nothing.
	maxWaitRetry = 2 * time.Second
)

// MayTry reports whether an action is not in progress, and not so soon after a failure of it.
func (in *Inputs) MayTry(key string) bool {
	if in.Busy[key] {
		return false
	}
	failure, failed := in.Failures[key]
	longest := maxRetry
	if failure.Message == "" {
		longest = maxWaitRetry
	}
	return !failed || !in.Now.Before(failure.At.Add(delay(failure.Count-1, minRetry, longest)))
}

// failure of an action that is reported. One without a message only delays the next attempt.
func (in *Inputs) failure(key string) (Failure, bool) {
	failure := in.Failures[key]
	return failure, failure.Message != ""
}

// delay doubles with each repetition.
func delay(repeats int, shortest, longest time.Duration) time.Duration {
	return min(shortest<<min(max(repeats, 0), 10), longest)
}

// node with this ordinal; nil if it does not exist.
func (in *Inputs) node(ordinal int) *Node {
	if i := slices.IndexFunc(in.Nodes, func(n Node) bool { return n.Ordinal == ordinal }); i >= 0 {
		return &in.Nodes[i]
	}
	return nil
}

// tip of a node's bitcoind; nil if it did not answer.
func (in *Inputs) tip(n *Node) *Tip {
	if n.Bitcoin < 0 {
		return nil
	}
	return in.Bitcoins[n.Bitcoin].Tip
}

// answers reports whether LND is active, and has answered everything.
func (n *Node) answers() bool {
	s := n.State
	return s != nil && s.LND == api.LNDActive && s.Info != nil && s.Wallet != nil && s.Peers != nil && s.Channels != nil
}

// pubKey is "" while it is unknown.
func (n *Node) pubKey() string {
	if n.State == nil || n.State.Info == nil {
		return ""
	}
	return n.State.Info.PubKey
}

// caughtUp reports whether LND has processed all blocks of its bitcoind: before, its balances and channels may be those of before a block.
func (in *Inputs) caughtUp(n *Node) bool {
	tip := in.tip(n)
	return n.answers() && tip != nil && n.State.Info.SyncedToChain && n.State.Info.Height >= max(tip.Height, in.Bitcoins[n.Bitcoin].MinedTo)
}

// Keys of actions, for Busy and Failures.

// KeyMine is that of mining.
const KeyMine = "mine"

// KeyBackend, KeyAddress and KeyOpen are those of a node, and KeyConnect that of a node and a peer.
func KeyBackend(node int) string        { return key("backend", node) }
func KeyAddress(node int) string        { return key("address", node) }
func KeyOpen(node int) string           { return key("open", node) }
func KeyConnect(node, other int) string { return fmt.Sprintf("connect %d %d", node, other) }

// KeyChannel is that of opening one channel, and KeyClose that of closing one.
func KeyChannel(memo string) string { return "channel " + memo }
func KeyClose(point string) string  { return "close " + point }
