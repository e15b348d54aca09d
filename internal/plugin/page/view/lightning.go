package view

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LightningPrefix is the beginning of the keys of a Lightning network, of its nodes and of its channels. They are in a store of their own:
// not everybody who may see a network may see them.
func LightningPrefix(name string) string { return "ln/" + name + "/" }

// LightningKey is that of a Lightning network.
func LightningKey(name string) string { return LightningPrefix(name) + "network" }

// LNDKey is that of a node of a Lightning network.
func LNDKey(name string, ordinal int) string {
	return fmt.Sprint(LightningPrefix(name), "node/", ordinal)
}

// ChannelKey is that of a channel.
func ChannelKey(name string, from, to, index int32) string {
	return fmt.Sprintf("%schannel/%d-%d-%d", LightningPrefix(name), from, to, index)
}

// Lightning is a Lightning network without its nodes and channels.
type Lightning struct {
	// Bitcoin is the name of the network on whose chain the channels are.
	Bitcoin    string      `json:"bitcoin"`
	Nodes      int         `json:"nodes"`
	Ready      int32       `json:"ready"`
	Active     int32       `json:"active"`
	Desired    int32       `json:"desired"`
	State      string      `json:"state"`
	Good       bool        `json:"good"`
	Message    string      `json:"message,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition is one besides Ready.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// LND is a node of a Lightning network.
type LND struct {
	Ordinal int    `json:"ordinal"`
	Pod     string `json:"pod"`
	Ready   bool   `json:"ready"`
	Synced  bool   `json:"synced"`
	// Bitcoin is the ordinal of the bitcoind that it uses, -1 before the operator reports it.
	Bitcoin int32  `json:"bitcoin"`
	Alias   string `json:"alias,omitempty"`
	PubKey  string `json:"pubkey,omitempty"`
	Address string `json:"address,omitempty"`
	Version string `json:"version,omitempty"`
	Height  int64  `json:"height"`
	// Wallet and Channels are balances, in satoshis.
	Wallet   int64 `json:"wallet"`
	Channels int64 `json:"channels"`
}

// ChannelKind is what the page distinguishes by the line of a channel.
type ChannelKind string

const (
	channelWanted  ChannelKind = "wanted"
	channelActive  ChannelKind = "active"
	channelClosing ChannelKind = "closing"
	channelLost    ChannelKind = "lost"
)

// Channel is one between two nodes of a Lightning network. Amounts are satoshis.
type Channel struct {
	From        int32       `json:"from"`
	To          int32       `json:"to"`
	Kind        ChannelKind `json:"kind"`
	State       string      `json:"state"`
	Capacity    int64       `json:"capacity,omitempty"`
	FromBalance int64       `json:"fromBalance,omitempty"`
	ToBalance   int64       `json:"toBalance,omitempty"`
	Private     bool        `json:"private,omitempty"`
	Point       string      `json:"point,omitempty"`
	ShortID     string      `json:"shortID,omitempty"`
	Message     string      `json:"message,omitempty"`
}

// kindOf is the kind of a channel by its state. One with a state of an operator that is newer than the page is wanted, and its state is shown.
func kindOf(state v1.LightningChannelState) ChannelKind {
	switch state {
	case v1.LightningChannelActive:
		return channelActive
	case v1.LightningChannelInactive, v1.LightningChannelStale:
		return channelLost
	case v1.LightningChannelClosing, v1.LightningChannelForceClosing:
		return channelClosing
	case v1.LightningChannelMissing, v1.LightningChannelOpening, v1.LightningChannelPending:
	}
	return channelWanted
}

// OfLightning is what the page shows of a Lightning network, by key. Aliases are what nodes announce, which may be anything.
func OfLightning(network *v1.LightningNetwork) map[string]any {
	status := &network.Status
	nodes := noderef.LightningNodes(network)
	shown := Lightning{
		Bitcoin: Text(network.Spec.BitcoinNetwork), Nodes: len(nodes), Ready: status.ReadyNodes, Active: status.ActiveChannels, Desired: status.DesiredChannels,
		State: "Unknown",
	}
	if ready := meta.FindStatusCondition(status.Conditions, v1.LightningConditionReady); ready != nil {
		shown.State, shown.Good, shown.Message = Text(ready.Reason), ready.Status == "True", Text(ready.Message)
	}
	for _, c := range status.Conditions {
		if c.Type != v1.LightningConditionReady {
			shown.Conditions = append(shown.Conditions, Condition{Text(c.Type), Text(string(c.Status)), Text(c.Reason), Text(c.Message)})
		}
	}
	values := map[string]any{LightningKey(network.Name): shown}
	reported := map[int]*v1.LightningNodeStatus{}
	for i := range status.Nodes {
		reported[int(status.Nodes[i].Ordinal)] = &status.Nodes[i]
	}
	for _, at := range nodes {
		node := LND{Ordinal: at.Ordinal, Pod: at.Pod, Bitcoin: -1}
		if s := reported[at.Ordinal]; s != nil {
			node.Ready, node.Synced, node.Bitcoin, node.Height = s.Ready, s.Synced, s.BitcoinNode, s.Height
			node.Alias, node.PubKey, node.Address, node.Version = Text(s.Alias), Text(s.PubKey), Text(s.Address), Text(s.Version)
			node.Wallet, node.Channels = s.WalletBalance, s.ChannelBalance
		}
		values[LNDKey(network.Name, at.Ordinal)] = node
	}
	for i := range status.Channels {
		c := &status.Channels[i]
		key := ChannelKey(network.Name, c.From, c.To, c.Index)
		for _, twice := values[key]; twice; _, twice = values[key] {
			key += "+" // one that is closing, beside the one that takes its place
		}
		values[key] = Channel{
			c.From, c.To, kindOf(c.State), Text(string(c.State)), c.Capacity, c.FromBalance, c.ToBalance, c.Private, Text(c.Point), Text(c.ShortID), Text(c.Message),
		}
	}
	return values
}
