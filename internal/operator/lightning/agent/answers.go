package agent

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

// What is needed of LND's answers. Numbers of 64 bits are texts in them.

type infoAnswer struct {
	PubKey        string `json:"identity_pubkey"`
	Alias         string `json:"alias"`
	Version       string `json:"version"`
	Height        int64  `json:"block_height"`
	BlockHash     string `json:"block_hash"`
	HeaderTime    int64  `json:"best_header_timestamp,string"`
	SyncedToChain bool   `json:"synced_to_chain"`
	SyncedToGraph bool   `json:"synced_to_graph"`
}

func (a infoAnswer) info() *api.Info {
	return &api.Info{
		PubKey: a.PubKey, Alias: a.Alias, Version: a.Version, Height: a.Height, BlockHash: a.BlockHash,
		BestBlockTime: time.Unix(a.HeaderTime, 0).UTC(), SyncedToChain: a.SyncedToChain, SyncedToGraph: a.SyncedToGraph,
	}
}

type balanceAnswer struct {
	Confirmed   int64 `json:"confirmed_balance,string"`
	Unconfirmed int64 `json:"unconfirmed_balance,string"`
}

type peersAnswer struct {
	Peers []struct {
		PubKey string `json:"pub_key"`
	} `json:"peers"`
}

type channelsAnswer struct {
	Channels []openChannel `json:"channels"`
}

type openChannel struct {
	Active    bool   `json:"active"`
	Remote    string `json:"remote_pubkey"`
	Point     string `json:"channel_point"`
	ID        uint64 `json:"chan_id,string"`
	Capacity  int64  `json:"capacity,string"`
	LocalSat  int64  `json:"local_balance,string"`
	RemoteSat int64  `json:"remote_balance,string"`
	Private   bool   `json:"private"`
	Initiator bool   `json:"initiator"`
	Memo      string `json:"memo"`
}

func (c openChannel) channel() api.Channel {
	return api.Channel{
		Memo: c.Memo, Point: c.Point, ShortID: shortID(c.ID), RemotePubKey: c.Remote, Capacity: c.Capacity, Local: c.LocalSat, Remote: c.RemoteSat,
		Active: c.Active, Private: c.Private, Initiator: c.Initiator, State: api.Open,
	}
}

type pendingAnswer struct {
	Opening      []pendingEntry `json:"pending_open_channels"`
	Closing      []pendingEntry `json:"pending_closing_channels"`
	ForceClosing []pendingEntry `json:"pending_force_closing_channels"`
	WaitingClose []pendingEntry `json:"waiting_close_channels"`
}

type pendingEntry struct {
	Channel struct {
		Remote    string `json:"remote_node_pub"`
		Point     string `json:"channel_point"`
		Capacity  int64  `json:"capacity,string"`
		LocalSat  int64  `json:"local_balance,string"`
		RemoteSat int64  `json:"remote_balance,string"`
		Initiator string `json:"initiator"`
		Private   bool   `json:"private"`
		Memo      string `json:"memo"`
		Flags     string `json:"chan_status_flags"`
	} `json:"channel"`
}

// channels in the order of their progress.
func (a pendingAnswer) channels() []api.Channel {
	var list []api.Channel
	add := func(state api.ChannelState, entries []pendingEntry) {
		for _, entry := range entries {
			c := entry.Channel
			list = append(list, api.Channel{
				Memo: c.Memo, Point: c.Point, RemotePubKey: c.Remote, Capacity: c.Capacity, Local: c.LocalSat, Remote: c.RemoteSat,
				Private: c.Private, Initiator: c.Initiator == "INITIATOR_LOCAL", State: state,
				Forced: state == api.ForceClosing || state == api.WaitingClose && strings.Contains(c.Flags, "ChanStatusCommitBroadcasted"),
			})
		}
	}
	add(api.PendingOpen, a.Opening)
	add(api.WaitingClose, a.WaitingClose)
	add(api.PendingClose, a.Closing)
	add(api.ForceClosing, a.ForceClosing)
	return list
}

// graphPath has all edges, those of private channels too, with what announces them.
const graphPath = "/v1/graph?include_unannounced=true&include_auth_proof=true"

type graphAnswer struct {
	Edges []edgeAnswer `json:"edges"`
}

// usable are the announced edges that payments of anybody can use, in LND's order.
func (a graphAnswer) usable() []string {
	ids := []string{}
	for _, edge := range a.Edges {
		if edge.Proof != nil && edge.policies() == len(edge.bothPolicies()) {
			ids = append(ids, shortID(edge.ID))
		}
	}
	return ids
}

type edgeAnswer struct {
	ID      uint64        `json:"channel_id,string"`
	Policy1 *policyAnswer `json:"node1_policy"`
	Policy2 *policyAnswer `json:"node2_policy"`
	// Proof is what the announcement consists of.
	Proof *struct{} `json:"auth_proof"`
}

type policyAnswer struct {
	Disabled bool `json:"disabled"`
}

func (a edgeAnswer) bothPolicies() []*policyAnswer { return []*policyAnswer{a.Policy1, a.Policy2} }

func (a edgeAnswer) policies() int {
	known := 0
	for _, policy := range a.bothPolicies() {
		if policy != nil && !policy.Disabled {
			known++
		}
	}
	return known
}

type pendingUpdate struct {
	TxID  []byte `json:"txid"` // in base64, and in the order of bytes of a block
	Index int    `json:"output_index"`
}

func (u pendingUpdate) point() string {
	id := slices.Clone(u.TxID)
	slices.Reverse(id)
	return fmt.Sprint(hex.EncodeToString(id), ":", u.Index)
}

// shortID is the readable form of the number of a channel; "" without one.
func shortID(id uint64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%dx%dx%d", id>>40, id>>16&0xffffff, id&0xffff)
}
