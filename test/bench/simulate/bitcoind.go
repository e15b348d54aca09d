package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// genesis of the regtest chain.
const genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"

// nodes know of each other: a connection shows at both ends.
type nodes struct {
	mu        sync.Mutex
	byAddress map[string]*simulated
	lastPeer  int64
}

// simulated is one bitcoind that has no blocks.
type simulated struct {
	server *http.Server
	added  []bitcoind.AddedNode
	peers  []bitcoind.PeerInfo
}

func newNodes() *nodes { return &nodes{byAddress: map[string]*simulated{}} }

func (n *nodes) start(address string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(v1.RPCPort)))
	if err != nil {
		return err
	}
	node := &simulated{server: &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.serve(w, r, address) }),
	}}
	n.mu.Lock()
	n.byAddress[address] = node
	n.mu.Unlock()
	go node.server.Serve(listener) //nolint:errcheck // it ends with stop
	return nil
}

func (n *nodes) stop(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node := n.byAddress[address]
	if node == nil {
		return
	}
	delete(n.byAddress, address)
	node.server.Close() //nolint:errcheck // no caller is left
	for _, other := range n.byAddress {
		other.peers = slices.DeleteFunc(other.peers, func(p bitcoind.PeerInfo) bool { return host(p) == address })
	}
}

func host(p bitcoind.PeerInfo) string {
	address, _, _ := net.SplitHostPort(p.Addr) //nolint:errcheck // created in connect
	return address
}

type question struct {
	ID     int    `json:"id"`
	Method string `json:"method"`
	Params []any  `json:"params"`
}

type reply struct {
	ID     int                `json:"id"`
	Result any                `json:"result"`
	Error  *bitcoind.RPCError `json:"error"`
}

func (n *nodes) serve(w http.ResponseWriter, r *http.Request, address string) {
	var questions []question
	if err := json.NewDecoder(r.Body).Decode(&questions); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	replies := make([]reply, len(questions))
	for i, q := range questions {
		result, code := n.answer(address, q)
		replies[i] = reply{ID: q.ID, Result: result}
		if code != 0 {
			replies[i].Error = &bitcoind.RPCError{Code: code, Message: "simulated"}
		}
	}
	_ = json.NewEncoder(w).Encode(replies) //nolint:errcheck // the operator has gone
}

// answer one call, with a result or the code of an error.
func (n *nodes) answer(address string, q question) (any, int) {
	node := n.byAddress[address]
	if node == nil {
		return nil, bitcoind.CodeInWarmup
	}
	switch q.Method {
	case "getnetworkinfo":
		return bitcoind.NetworkInfo{Version: 290000, Subversion: "/Simulated:29.0.0/"}, 0
	case "getblockchaininfo":
		return bitcoind.ChainInfo{Chain: "regtest", BestBlockHash: genesis, Time: 1296688602}, 0
	case "getpeerinfo":
		return slices.Clone(node.peers), 0
	case "getaddednodeinfo":
		return slices.Clone(node.added), 0
	case "addnode":
		return nil, n.addNode(address, node, fmt.Sprint(q.Params[0]), fmt.Sprint(q.Params[1]))
	default:
		return nil, -32601
	}
}

func (n *nodes) addNode(address string, node *simulated, target, command string) int {
	entry := bitcoind.AddedNode{AddedNode: target}
	at := slices.Index(node.added, entry)
	switch {
	case command == "remove" && at < 0:
		return bitcoind.CodeNodeNotAdded
	case command == "remove":
		node.added = slices.Delete(node.added, at, at+1)
		return 0
	case command == "add" && at >= 0:
		return bitcoind.CodeNodeAlreadyAdded
	case command == "add":
		node.added = append(node.added, entry)
	}
	other := n.byAddress[target]
	if other == nil || slices.ContainsFunc(node.peers, func(p bitcoind.PeerInfo) bool { return host(p) == target }) {
		return 0
	}
	n.lastPeer += 2
	node.peers = append(node.peers, bitcoind.PeerInfo{ID: n.lastPeer, Addr: fmt.Sprintf("%s:%d", target, v1.P2PPort), Version: 70016, ConnectionType: "manual"})
	other.peers = append(other.peers, bitcoind.PeerInfo{ID: n.lastPeer + 1, Addr: address + ":40000", Inbound: true, Version: 70016, ConnectionType: "inbound"})
	return 0
}
