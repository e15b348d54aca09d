package bitcoind

// The calls that the operator makes, and their results as far as it reads them. Every method named here must stand in
// Methods, which becomes the credential's rpcwhitelist.

// Methods are the calls that the operator's credential is limited to.
var Methods = []string{
	"addnode", "disconnectnode", "generatetoaddress", "generatetodescriptor", "getaddednodeinfo", "getblockchaininfo",
	"getblockhash", "getnetworkinfo", "getpeerinfo",
}

// NetworkInfo is a part of getnetworkinfo.
type NetworkInfo struct {
	Version    int    `json:"version"`
	Subversion string `json:"subversion"`
}

// ChainInfo is a part of getblockchaininfo.
type ChainInfo struct {
	Chain         string `json:"chain"`
	Blocks        int64  `json:"blocks"`
	BestBlockHash string `json:"bestblockhash"`
	// Time of the best block, in seconds since 1970; 0 before v23.
	Time int64 `json:"time"`
}

// PeerInfo is a part of one entry of getpeerinfo.
type PeerInfo struct {
	ID int64 `json:"id"`
	// Addr is <ip>:<port>, or the name or address that was dialled, as it was given.
	Addr    string `json:"addr"`
	Inbound bool   `json:"inbound"`
	// Version is 0 until the version handshake is done.
	Version int `json:"version"`
	// ConnectionType is "manual" for addnode's; missing before v22.
	ConnectionType string `json:"connection_type"`
}

// AddedNode is a part of one entry of getaddednodeinfo.
type AddedNode struct {
	// AddedNode is the entry as it was added.
	AddedNode string `json:"addednode"`
}

// GetNetworkInfo reads the node's version.
func GetNetworkInfo(into *NetworkInfo) Call {
	return Call{Method: "getnetworkinfo", Result: into, Repeatable: true}
}

// GetBlockchainInfo reads the node's best block.
func GetBlockchainInfo(into *ChainInfo) Call {
	return Call{Method: "getblockchaininfo", Result: into, Repeatable: true}
}

// GetPeerInfo reads the node's live connections.
func GetPeerInfo(into *[]PeerInfo) Call {
	return Call{Method: "getpeerinfo", Result: into, Repeatable: true}
}

// GetAddedNodeInfo reads the list of nodes that bitcoind keeps dialling.
func GetAddedNodeInfo(into *[]AddedNode) Call {
	return Call{Method: "getaddednodeinfo", Result: into, Repeatable: true}
}

// GetBlockHash reads the hash of the block at a height of the node's active chain.
func GetBlockHash(height int64, into *string) Call {
	return Call{Method: "getblockhash", Params: []any{height}, Result: into, Repeatable: true}
}

// AddNode puts an address on the list of nodes that bitcoind keeps dialling.
func AddNode(address string) Call {
	return Call{Method: "addnode", Params: []any{address, "add"}, Repeatable: true}
}

// RemoveNode takes an entry, exactly as it was added, off that list; a live connection stays.
func RemoveNode(entry string) Call {
	return Call{Method: "addnode", Params: []any{entry, "remove"}, Repeatable: true}
}

// DialOnce connects at once, and once only.
func DialOnce(address string) Call {
	return Call{Method: "addnode", Params: []any{address, "onetry"}, Repeatable: true}
}

// DisconnectNode ends the live connection with this id.
func DisconnectNode(id int64) Call {
	return Call{Method: "disconnectnode", Params: []any{"", id}, Repeatable: true}
}

// unspendable is a descriptor of a script that nobody can spend and that needs no wallet: raw(OP_RETURN).
const unspendable = "raw(6a)"

// Mine mines one block, to an address or, when that is empty, to nobody.
func Mine(address string, hashes *[]string) Call {
	if address == "" {
		return Call{Method: "generatetodescriptor", Params: []any{1, unspendable}, Result: hashes}
	}
	return Call{Method: "generatetoaddress", Params: []any{1, address}, Result: hashes}
}
