package api

// ChannelState is the state of a channel at one of its ends.
type ChannelState string

const (
	// PendingOpen has a funding transaction that is not confirmed.
	PendingOpen ChannelState = "PendingOpen"
	// Open has a confirmed funding transaction. Whether it can be used is Active.
	Open ChannelState = "Open"
	// WaitingClose has a closing transaction, of both or of one of them, with too few confirmations: LND waits for three and more.
	WaitingClose ChannelState = "WaitingClose"
	// PendingClose has a confirmed closing transaction of both. LND 0.21 has no channel in this state.
	PendingClose ChannelState = "PendingClose"
	// ForceClosing has a confirmed closing transaction of one of them, and outputs that are not spent yet.
	ForceClosing ChannelState = "ForceClosing"
)

// Channel is what one end knows of a channel.
type Channel struct {
	// Memo identifies the channel for the operator. Only the end that opened it has one.
	Memo string `json:"memo,omitempty"`
	// Point is the output of the funding transaction, <id>:<index>: the same at both ends.
	Point string `json:"point"`
	// ShortID is where that transaction was confirmed, <height>x<position>x<index>; "" before. After a reorganisation the ends may
	// have different ones, and then the channel cannot be used.
	ShortID      string `json:"shortID,omitempty"`
	RemotePubKey string `json:"remotePubKey"`
	// Capacity and the balances of both ends are satoshis.
	Capacity int64 `json:"capacity"`
	Local    int64 `json:"local"`
	Remote   int64 `json:"remote"`
	// Active means that this end is connected with the other and could pay. It proves nothing about the other end.
	Active  bool `json:"active,omitempty"`
	Private bool `json:"private,omitempty"`
	// Initiator is true at the end that opened it.
	Initiator bool         `json:"initiator,omitempty"`
	State     ChannelState `json:"state"`
	// Forced means that the closing transaction is that of one end, also while it is in no block, where State is WaitingClose.
	Forced bool `json:"forced,omitempty"`
	// Policies is how many of the ends' routing policies this end has in its graph, 0 to 2. Payments over the channel need both.
	Policies int `json:"policies,omitempty"`
	// Announced means that this end has the proof that lets others know the channel, six blocks after its funding. Private channels
	// never have it.
	Announced bool `json:"announced,omitempty"`
	// NotInGraph means that this end's graph has no edge for an open channel, also none whose policies are disabled. The absence is what is
	// reported, since a channel is closed by force for it: an agent that does not know the field never does.
	NotInGraph bool `json:"notInGraph,omitempty"`
}

// Address is an unused address of LND's wallet. The same one is returned until it is used.
type Address struct {
	Address string `json:"address"`
}

// Peers are nodes to be connected with.
type Peers struct {
	Peers []Peer `json:"peers"`
}

// Peer is another LND.
type Peer struct {
	PubKey string `json:"pubKey"`
	// Host is <host>:<port>.
	Host string `json:"host"`
}

// PeersResult has the peers that could not be connected. Those that were connected before are no failure.
type PeersResult struct {
	Failed []PeerFailure `json:"failed,omitempty"`
}

// PeerFailure is why a peer is not connected.
type PeerFailure struct {
	PubKey  string `json:"pubKey"`
	Message string `json:"message"`
}

// Channels are channels to be opened, as far as LND has none, open, opening or closing, with the same memo.
type Channels struct {
	Channels []NewChannel `json:"channels"`
}

// NewChannel is a channel that is to exist.
type NewChannel struct {
	// Memo identifies it, with at most MaxMemoBytes. It must not be empty, nor be in the request twice.
	Memo   string `json:"memo"`
	PubKey string `json:"pubKey"`
	// Capacity and Push are satoshis.
	Capacity int64 `json:"capacity"`
	Push     int64 `json:"push,omitempty"`
	Private  bool  `json:"private,omitempty"`
}

// ChannelsResult has the channels that were opened and those that could not be. One that existed before is in neither.
type ChannelsResult struct {
	Opened []Opened         `json:"opened,omitempty"`
	Failed []ChannelFailure `json:"failed,omitempty"`
}

// Opened is a channel whose funding transaction has been broadcast.
type Opened struct {
	Memo  string `json:"memo"`
	Point string `json:"point"`
}

// ChannelFailure is why a channel could not be opened, in LND's words.
type ChannelFailure struct {
	Memo    string `json:"memo"`
	Message string `json:"message"`
	// Waits means that an earlier request to open channels with the same peer has not ended. Message is "" while that is no news.
	Waits bool `json:"waits,omitempty"`
}

// Close ends a channel. It returns when the closing transaction has been broadcast. A channel that is closing already is no failure,
// so that the request can be repeated, with Force too.
type Close struct {
	Point string `json:"point"`
	// Force closes without the other end. LND delays its own coins then. A channel that is PendingOpen stays.
	Force bool `json:"force,omitempty"`
	// Abandon makes LND forget a channel that is PendingOpen, and closes none: its coins are lost if its funding transaction is confirmed
	// later. That is for one whose transaction does not exist, since LND ended while it opened it. A channel that LND does not have is no
	// failure, and one in another state is.
	Abandon bool `json:"abandon,omitempty"`
	// Publish closes no channel: it sends the closing transaction of one that is WaitingClose to bitcoind again, and its funding transaction
	// before it. A channel in another state is no failure, and an agent that does not know the field does nothing for one that is closing.
	Publish bool `json:"publish,omitempty"`
}

// Failure is the body of a response with a status other than 200.
type Failure struct {
	Message string `json:"message"`
}
