// Package lightning reads what lncli prints of LND nodes, and shows it: balances, channels, payments and the graph of a network. It is
// pure: the answers of the nodes are its input. Amounts are satoshis, as LND has them, and integers.
package lightning

import (
	"fmt"
	"strings"
)

// WalletBalance is the answer to walletbalance.
type WalletBalance struct {
	Confirmed   int64 `json:"confirmed_balance,string"`
	Unconfirmed int64 `json:"unconfirmed_balance,string"`
}

// Sat is an amount in an answer.
type Sat struct {
	Sat int64 `json:"sat,string"`
}

// ChannelBalance is the answer to channelbalance.
type ChannelBalance struct {
	Local         Sat `json:"local_balance"`
	Remote        Sat `json:"remote_balance"`
	PendingLocal  Sat `json:"pending_open_local_balance"`
	PendingRemote Sat `json:"pending_open_remote_balance"`
}

// OpenChannel is one of the answer to listchannels, as one end has it.
type OpenChannel struct {
	Active    bool   `json:"active"`
	Remote    string `json:"remote_pubkey"`
	Point     string `json:"channel_point"`
	ShortID   string `json:"scid_str"`
	Capacity  int64  `json:"capacity,string"`
	Local     int64  `json:"local_balance,string"`
	RemoteHas int64  `json:"remote_balance,string"`
	Private   bool   `json:"private"`
	Initiator bool   `json:"initiator"`
}

// OpenChannels is the answer to listchannels.
type OpenChannels struct {
	Channels []OpenChannel `json:"channels"`
}

// Invoice is the answer to addinvoice.
type Invoice struct {
	PaymentHash    string `json:"r_hash"`
	PaymentRequest string `json:"payment_request"`
}

// Policy is the price of one end of an edge for forwarding.
type Policy struct {
	FeeBaseMsat int64 `json:"fee_base_msat,string"`
	FeePerMil   int64 `json:"fee_rate_milli_msat,string"`
	Disabled    bool  `json:"disabled"`
}

// GraphNode is a node of the answer to describegraph.
type GraphNode struct {
	PubKey string `json:"pub_key"`
	Alias  string `json:"alias"`
}

// GraphEdge is a channel of the answer to describegraph. A policy that the node does not know yet is nil.
type GraphEdge struct {
	ID       ShortID `json:"channel_id"`
	Point    string  `json:"chan_point"`
	Node1    string  `json:"node1_pub"`
	Node2    string  `json:"node2_pub"`
	Capacity int64   `json:"capacity,string"`
	Policy1  *Policy `json:"node1_policy"`
	Policy2  *Policy `json:"node2_policy"`
}

// Graph is the answer to describegraph: the channels and nodes that one node knows.
type Graph struct {
	Nodes []GraphNode `json:"nodes"`
	Edges []GraphEdge `json:"edges"`
}

// ShortID is the short id of a channel, which LND writes as one number: block, transaction and output.
type ShortID uint64

// UnmarshalJSON reads the number, in quotes or not.
func (s *ShortID) UnmarshalJSON(text []byte) error {
	var number uint64
	if _, err := fmt.Sscanf(strings.Trim(string(text), `"`), "%d", &number); err != nil {
		return fmt.Errorf("%s is not the id of a channel", text)
	}
	*s = ShortID(number)
	return nil
}

// String is the id as lncli prints it elsewhere: <block>x<transaction>x<output>.
func (s ShortID) String() string {
	return fmt.Sprintf("%dx%dx%d", uint64(s)>>40, uint64(s)>>16&0xffffff, uint64(s)&0xffff)
}

// MarshalText writes the id as String does.
func (s ShortID) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
