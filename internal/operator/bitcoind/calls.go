package bitcoind

import (
	"fmt"
	"strconv"
)

// The calls that the operator sends, and the parts of their results that it reads. Every method in this file must be in Methods,
// the rpcwhitelist of the credential, or in LightningMethods, or be MethodPublishers.

// Methods are the methods that the operator's credential may call.
var Methods = []string{
	"addnode", "disconnectnode", "generatetoaddress", "generatetodescriptor", "getaddednodeinfo", "getblockchaininfo",
	"getblockhash", "getnetworkinfo", "getpeerinfo", "gettxoutsetinfo", "listwalletdir", "listwallets", "loadwallet",
}

// TxOut is a part of gettxout.
type TxOut struct {
	// Confirmations is 0 for an output of a transaction that is in no block yet.
	Confirmations int64 `json:"confirmations"`
}

// LightningMethods are the methods that LND calls, release 0.21. It calls getinfo, which bitcoind no longer has, and ends when the answer
// is 403 in place of 404.
var LightningMethods = []string{
	"estimatesmartfee", "getblock", "getblockchaininfo", "getblockhash", "getblockheader", "getdeploymentinfo", "getinfo", "getmempoolinfo",
	"getnetworkinfo", "getpeerinfo", "getrawmempool", "getrawtransaction", "gettxout", "gettxspendingprevout", "getzmqnotifications",
	"sendrawtransaction", "testmempoolaccept", "uptime",
}

// MethodPublishers is allowed, and called, for nodes with ZMQ publishers only.
const MethodPublishers = "getzmqnotifications"

// NetworkInfo is a part of getnetworkinfo.
type NetworkInfo struct {
	Version    int    `json:"version"`
	Subversion string `json:"subversion"`
	// NetworkActive is false after setnetworkactive false: the node closes all connections and opens none. It is nil before v0.14.
	NetworkActive *bool `json:"networkactive"`
}

// ChainInfo is a part of getblockchaininfo.
type ChainInfo struct {
	Chain         string `json:"chain"`
	Blocks        int64  `json:"blocks"`
	BestBlockHash string `json:"bestblockhash"`
	// Headers is the height of the best chain whose headers the node has.
	Headers int64 `json:"headers"`
	// Time of the best block, in seconds since 1970; 0 before v23.
	Time int64 `json:"time"`
	// MedianTime of the last eleven blocks, in seconds since 1970.
	MedianTime int64 `json:"mediantime"`
	// Pruned is true for a node that may delete old blocks.
	Pruned bool `json:"pruned"`
	// SizeOnDisk are the bytes of the blocks that the node stores, without its indexes and wallets.
	SizeOnDisk int64 `json:"size_on_disk"`
}

// PeerInfo is a part of one entry of getpeerinfo.
type PeerInfo struct {
	ID int64 `json:"id"`
	// Addr is <ip>:<port>, or the name or address that was dialled, verbatim.
	Addr string `json:"addr"`
	// AddrBind is <ip>:<port> of this end of the connection.
	AddrBind string `json:"addrbind"`
	Inbound  bool   `json:"inbound"`
	// Version is 0 until the version handshake is complete.
	Version int `json:"version"`
	// ConnectedAt is when the connection was opened, in seconds since 1970.
	ConnectedAt int64 `json:"conntime"`
	// ConnectionType is "manual" for connections of addnode; missing before v22.
	ConnectionType string `json:"connection_type"`
	// Subversion is the user agent of the peer, which it chooses.
	Subversion string `json:"subver"`
	// Services are the service bits that the peer offers, in hexadecimal.
	Services string `json:"services"`
	// SyncedHeaders is the height of the best block of the peer whose header the node has got on this connection, -1 for none.
	SyncedHeaders int64 `json:"synced_headers"`
	// PresyncedHeaders is how far the node has got with a long branch of the peer that it does not store yet, -1 for none; missing
	// before v24.
	PresyncedHeaders int64 `json:"presynced_headers"`
}

// ServesBlocks reports whether the peer offers blocks to its peers.
func (p PeerInfo) ServesBlocks() bool {
	// NODE_NETWORK and NODE_NETWORK_LIMITED
	const serving = 1 | 1<<10
	bits, err := strconv.ParseUint(p.Services, 16, 64)
	return err == nil && bits&serving != 0
}

// AddedNode is a part of one entry of getaddednodeinfo.
type AddedNode struct {
	// AddedNode is the entry as it was added.
	AddedNode string `json:"addednode"`
	// Connected is whether a connection with the address exists.
	Connected bool `json:"connected"`
	// Addresses has the address of the connection.
	Addresses []AddedAddress `json:"addresses"`
}

// AddedAddress is a part of one entry of AddedNode.Addresses.
type AddedAddress struct {
	Address string `json:"address"`
}

// Publisher is a part of one entry of getzmqnotifications.
type Publisher struct {
	// Type is "pubrawblock" for the topic rawblock.
	Type    string `json:"type"`
	Address string `json:"address"`
}

// GetPublishers reads the active ZMQ publishers.
func GetPublishers(into *[]Publisher) Call {
	return Call{Method: MethodPublishers, Result: into, Repeatable: true}
}

// GetNetworkInfo reads the node's version.
func GetNetworkInfo(into *NetworkInfo) Call {
	return Call{Method: "getnetworkinfo", Result: into, Repeatable: true}
}

// GetBlockchainInfo reads the node's best block.
func GetBlockchainInfo(into *ChainInfo) Call {
	return Call{Method: "getblockchaininfo", Result: into, Repeatable: true}
}

// GetTxOut reads an unspent output of the chain or of the mempool, nil for none. It is for the credential of LND, since it is not among
// Methods.
func GetTxOut(transaction string, index int, into **TxOut) Call {
	return Call{Method: "gettxout", Params: []any{transaction, index, true}, Result: into, Repeatable: true}
}

// GetPeerInfo reads the node's live connections.
func GetPeerInfo(into *[]PeerInfo) Call {
	return Call{Method: "getpeerinfo", Result: into, Repeatable: true}
}

// GetAddedNodeInfo reads the addnode list, whose entries bitcoind keeps dialling.
func GetAddedNodeInfo(into *[]AddedNode) Call {
	return Call{Method: "getaddednodeinfo", Result: into, Repeatable: true}
}

// GetBlockHash reads the hash of the block at a height of the node's active chain.
func GetBlockHash(height int64, into *string) Call {
	return Call{Method: "getblockhash", Params: []any{height}, Result: into, Repeatable: true}
}

// AddNode adds an address to the addnode list.
func AddNode(address string) Call {
	return Call{Method: "addnode", Params: []any{address, "add"}, Repeatable: true}
}

// RemoveNode removes an entry, exactly as it was added, from the addnode list; a live connection stays.
func RemoveNode(entry string) Call {
	return Call{Method: "addnode", Params: []any{entry, "remove"}, Repeatable: true}
}

// DialOnce dials an address immediately and once.
func DialOnce(address string) Call {
	return Call{Method: "addnode", Params: []any{address, "onetry"}, Repeatable: true}
}

// DisconnectNode closes the live connection with this id.
func DisconnectNode(id int64) Call {
	return Call{Method: "disconnectnode", Params: []any{"", id}, Repeatable: true}
}

// WalletDir is a part of listwalletdir.
type WalletDir struct {
	Wallets []struct {
		Name string `json:"name"`
	} `json:"wallets"`
}

// ListWalletDir reads the names of the wallets that exist.
func ListWalletDir(into *WalletDir) Call {
	return Call{Method: "listwalletdir", Result: into, Repeatable: true}
}

// ListWallets reads the names of the wallets that are loaded.
func ListWallets(into *[]string) Call {
	return Call{Method: "listwallets", Result: into, Repeatable: true}
}

// LoadWallet loads a wallet. Whether bitcoind loads it at its start remains as its user has set it.
func LoadWallet(name string) Call {
	return Call{Method: "loadwallet", Params: []any{name}}
}

// Flush makes the node write its chain to the disk. It does so by itself once an hour, and bitcoind has no call for it alone:
// gettxoutsetinfo begins with it.
func Flush() Call {
	return Call{Method: "gettxoutsetinfo", Params: []any{"none"}, Repeatable: true}
}

// unspendable is the descriptor of an unspendable script, which needs no wallet: OP_RETURN and the ordinal of the node. With one
// script for all nodes, two nodes without a connection would mine the same block when its time is the same: after many quick blocks
// it is the median time plus one.
func unspendable(ordinal int) string { return fmt.Sprintf("raw(6a02%04x)", ordinal) }

// Mine makes the node with this ordinal mine one block. The reward goes to the address, or is unspendable when that is empty.
func Mine(ordinal int, address string, hashes *[]string) Call {
	return MineBlocks(ordinal, 1, address, hashes)
}

// MineBlocks makes the node with this ordinal mine blocks. The rewards go to the address, or are unspendable when that is empty.
func MineBlocks(ordinal, blocks int, address string, hashes *[]string) Call {
	if address == "" {
		return Call{Method: "generatetodescriptor", Params: []any{blocks, unspendable(ordinal)}, Result: hashes}
	}
	return Call{Method: "generatetoaddress", Params: []any{blocks, address}, Result: hashes}
}
