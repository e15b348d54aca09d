// Package archive is the format of a snapshot: chain and wallets of a network as one file. It is a gzip-compressed tar archive with the
// entries manifest.json, blocks.dat and wallets.json, in this order. blocks.dat has the blocks after the genesis block as bitcoind's
// option loadblock reads them. The package is pure, and trusts no byte of a file.
package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Format and Version of the manifests that this package writes and reads.
const (
	Format  = "kubectl-btcnet-snapshot"
	Version = 1
	// Chain is the only one that networks have.
	Chain = "regtest"
)

// The entries of the archive, in their order.
const (
	manifestName = "manifest.json"
	blocksName   = "blocks.dat"
	walletsName  = "wallets.json"
)

// Bounds of what is read. The chain of a test network has some megabytes.
const (
	// MaxSize is that of the file.
	MaxSize     = 512 << 20
	MaxBlocks   = 1_000_000
	maxManifest = 4 << 20
	maxWallets  = 64 << 20
	// maxChain is the size of all blocks.
	maxChain = 512 << 20
)

// Manifest describes a snapshot. It has no keys.
type Manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Network Network   `json:"network"`
	Chain   string    `json:"chain"`
	// Height and BestBlock are those of the last block.
	Height        int       `json:"height"`
	BestBlock     string    `json:"bestBlock"`
	BestBlockTime time.Time `json:"bestBlockTime"`
	// Blocks is their number, without the genesis block.
	Blocks  int          `json:"blocks"`
	Wallets []WalletInfo `json:"wallets"`
	// NotKept are sentences about what the network had and the snapshot has not.
	NotKept []string `json:"notKept,omitempty"`
	Parts   []Part   `json:"parts"`
}

// Network is the one that was saved.
type Network struct {
	Name    string `json:"name"`
	Nodes   int    `json:"nodes"`
	Version string `json:"version,omitempty"`
}

// WalletInfo is what the manifest has of a wallet.
type WalletInfo struct {
	Node        int    `json:"node"`
	Name        string `json:"name"`
	PrivateKeys bool   `json:"privateKeys"`
	Descriptors int    `json:"descriptors"`
	Labels      int    `json:"labels"`
	Locked      int    `json:"locked"`
	// Balance is what it had in blocks, immature rewards included, as bitcoind wrote it.
	Balance json.Number `json:"balance"`
}

// Part is one entry of the archive.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"`
}

// Wallet is a descriptor wallet of a node.
type Wallet struct {
	Node        int          `json:"node"`
	Name        string       `json:"name"`
	PrivateKeys bool         `json:"privateKeys"`
	AvoidReuse  bool         `json:"avoidReuse,omitempty"`
	Descriptors []Descriptor `json:"descriptors"`
	Labels      []Label      `json:"labels,omitempty"`
	Locked      []Output     `json:"locked,omitempty"`
	Balance     json.Number  `json:"balance"`
}

// Descriptor is one entry of listdescriptors.
type Descriptor struct {
	Desc      string `json:"desc"`
	Timestamp int64  `json:"timestamp"`
	Active    bool   `json:"active"`
	Internal  *bool  `json:"internal,omitempty"`
	Range     []int  `json:"range,omitempty"`
	Next      *int   `json:"next_index,omitempty"`
}

// Label is that of an address.
type Label struct {
	Address string `json:"address"`
	Label   string `json:"label"`
}

// Output is a coin.
type Output struct {
	TXID string `json:"txid"`
	Vout uint32 `json:"vout"`
}

// Archive is a snapshot whose content has been checked.
type Archive struct {
	Manifest
	// Digest of the whole file.
	Digest string
	// Chain are the blocks after the genesis block, each as a message of the P2P protocol has it.
	Chain [][]byte
	// Hashes are those of the blocks.
	Hashes []chainhash.Hash
	// Latest is the time of the block with the latest one.
	Latest time.Time
	// Kept are the wallets, with their keys.
	Kept []Wallet
}

// Digest is that of a file or part.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
