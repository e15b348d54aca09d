// Package api is what the operator and the program cmd/lnd-agent, which runs the LND of a pod, agree on: the HTTP interface of the
// program, with a client for it. It imports the standard library and what needs no more, because every such pod starts the program.
package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

const (
	// Program is the name of the agent's program, in the operator's image and where a pod runs it.
	Program = "lnd-agent"
	// Port of the agent in its pod. Neither LND nor bitcoind has it.
	Port = 18331
	// AlivePath answers 200, without a credential, unless an LND that was active no longer answers: for the liveness probe. It is 200
	// too while LND waits for a backend or for a block.
	AlivePath = "/alive"
	// ReadyPath answers 200, without a credential, when LND is active and has answered getinfo: for the readiness probe.
	ReadyPath = "/ready"
)

// Paths for the operator's credential of the LightningNetwork. A request that fails has a Failure as its body.
const (
	BackendPath  = "/v1/backend"  // PUT Backend
	StatePath    = "/v1/state"    // GET State
	AddressPath  = "/v1/address"  // POST; Address
	PeersPath    = "/v1/peers"    // PUT Peers; PeersResult
	ChannelsPath = "/v1/channels" // PUT Channels; ChannelsResult
	ClosePath    = "/v1/close"    // POST Close without Abandon
	AbandonPath  = "/v1/abandon"  // POST Close with Abandon: an agent that does not know it must not take it for a close
)

const (
	// MaxRequestBytes limits the body of a request: it has room for MaxChannels.
	MaxRequestBytes = 1 << 20
	// MaxMessageBytes limits each sentence in a response.
	MaxMessageBytes = 1024
	// MaxChannels limits the channels of a request, and MaxPeers its peers.
	MaxChannels = 500
	MaxPeers    = 64
	// MaxMemoBytes is LND's own limit for the memo of a channel.
	MaxMemoBytes = 500
)

// How long the agent takes at most to answer. A client waits a little longer.
const (
	// StateTimeout is for State: the parts that LND has not answered by then are absent.
	StateTimeout = 3 * time.Second
	// CallTimeout is for Address and Backend. LND starts after the answer.
	CallTimeout = 5 * time.Second
	// AliveTimeout is for AlivePath: how long LND may take to answer getinfo. A probe waits longer.
	AliveTimeout = 4 * time.Second
	// PeersTimeout is for all peers of a request, which are connected in parallel.
	PeersTimeout = 10 * time.Second
	// OpenTimeout is for Channels, and CloseTimeout for Close.
	OpenTimeout  = 45 * time.Second
	CloseTimeout = 15 * time.Second
)

// MaxCertificateHosts limits the names and addresses of a Backend.
const MaxCertificateHosts = 64

// Backend is the bitcoind that LND uses, with LND's credential, and what else the operator knows only while the pod runs. The agent keeps it in memory for the lifetime of its pod.
type Backend struct {
	// Host stays the same for the lifetime of LND, which resolves it once: the address of a Service, or a name for one.
	Host     string `json:"host"`
	RPCPort  int    `json:"rpcPort"`
	User     string `json:"user"`
	Password string `json:"password"`
	// Node is the number of the bitcoind in its network. Host may lead to another one than before, which LND would not see: the connections
	// that it has stay where they are.
	Node int `json:"node"`
	// ZMQRawBlockPort and ZMQRawTxPort are both 0 for a bitcoind without ZMQ, which LND polls.
	ZMQRawBlockPort int `json:"zmqRawBlockPort,omitempty"`
	ZMQRawTxPort    int `json:"zmqRawTxPort,omitempty"`
	// CertificateHosts are the names and addresses, separated by commas, that LND's certificate is valid for in addition to those in its
	// configuration. They are one text, so that two backends can be compared.
	CertificateHosts string `json:"certificateHosts,omitempty"`
}

// Digest identifies a backend and its credential without revealing them, provided that the password cannot be guessed: that of the
// operator is derived from its master key.
func (b Backend) Digest() string {
	raw, err := json.Marshal(b)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Process is the state of LND's process.
type Process string

const (
	// Waiting means that LND has not been started: no backend is known, or Problems has why the backend cannot be used. LND itself
	// would end, and the kubelet would delay its next start more and more.
	Waiting Process = "Waiting"
	// Running means that LND has been started. When it ends by itself, the container ends too, so that the pod reports it.
	Running Process = "Running"
)

// SecretState is the state of the user's Secret in a pod whose LND does not run; "" for one that can be used, and for none.
type SecretState string

const (
	// SecretMissing means that the Secret does not exist, or has no keys.
	SecretMissing SecretState = "Missing"
	// SecretUnusable means that LND cannot present its certificate. Problems has why.
	SecretUnusable SecretState = "Unusable"
)

// States of LND itself, which it reports about its start.
const (
	// LNDWaiting is before the wallet, LNDOpen after it.
	LNDWaiting = "WAITING_TO_START"
	LNDOpen    = "UNLOCKED"
	// LNDSyncing has an answer for most calls. LND stays in it until its wallet has the chain and the latest block is less than two
	// hours old.
	LNDSyncing = "RPC_ACTIVE"
	// LNDActive is complete. It proves nothing about the present: an LND that has lost its bitcoind stays in it.
	LNDActive = "SERVER_ACTIVE"
)

// State is everything that the operator needs of an LND, from one request.
type State struct {
	Process Process `json:"process"`
	// Backend is the Digest of the backend that LND was started with, or is to be started with; "" while the agent has none.
	Backend string `json:"backend,omitempty"`
	// Next is the Digest of another backend, for which LND has to end first; "" for none.
	Next string `json:"next,omitempty"`
	// Secret is the state of the user's Secret, for which LND waits.
	Secret SecretState `json:"secret,omitempty"`
	// LND is the state that LND reports; "" while it does not answer.
	LND string `json:"lnd,omitempty"`
	// Info and Wallet are nil, and Peers, Channels and Graph are nil (and not empty), when LND has not answered in time. Problems has a
	// sentence for each of them, and one for Channels and Graph together.
	Info     *Info     `json:"info,omitempty"`
	Wallet   *Wallet   `json:"wallet,omitempty"`
	Peers    []string  `json:"peers"` // public keys
	Channels []Channel `json:"channels"`
	// Graph has the short ids of all channels, also of others, that LND has in its graph with the proof that announces them and with the
	// policies of both ends: those that it can find a route over.
	Graph    []string `json:"graph"`
	Problems []string `json:"problems,omitempty"`
}

// Info is LND's getinfo.
type Info struct {
	PubKey        string    `json:"pubKey"`
	Alias         string    `json:"alias"`
	Version       string    `json:"version"`
	Height        int64     `json:"height"`
	BlockHash     string    `json:"blockHash"`
	BestBlockTime time.Time `json:"bestBlockTime"`
	SyncedToChain bool      `json:"syncedToChain"`
	SyncedToGraph bool      `json:"syncedToGraph"`
}

// Wallet has the balances of LND's wallet on the chain, in satoshis. Coinbases count when they are mature.
type Wallet struct {
	Confirmed   int64 `json:"confirmed"`
	Unconfirmed int64 `json:"unconfirmed"`
}
