package bitcoindtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

// Handler answers one call. An error that is no *bitcoind.RPCError gets the code -1.
type Handler func(method string, params []any) (any, error)

// codes of bitcoind's errors that the operator does not handle (src/rpc/protocol.h).
const (
	codeMisc             = -1
	codeInvalidParameter = -8
	codeMethodNotFound   = -32601
)

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

// Answer reads a batch of calls and returns the response.
func Answer(batch io.Reader, handle Handler) ([]byte, error) {
	var questions []question
	if err := json.NewDecoder(batch).Decode(&questions); err != nil {
		return nil, err
	}
	replies := make([]reply, len(questions))
	for i, q := range questions {
		result, err := handle(q.Method, q.Params)
		replies[i] = reply{ID: q.ID, Result: result}
		var rpc *bitcoind.RPCError
		if err != nil && !errors.As(err, &rpc) {
			rpc = &bitcoind.RPCError{Code: codeMisc, Message: err.Error()}
		}
		replies[i].Error = rpc
	}
	return json.Marshal(replies)
}

func (node *Node) serve(w http.ResponseWriter, r *http.Request) {
	node.nodes.mu.Lock()
	hanging, status, authorize := node.hanging, node.status, node.nodes.Authorize
	if hanging == nil && r.Method != http.MethodGet {
		hanging = node.occupied
	}
	node.nodes.mu.Unlock()
	// Before the node hangs: a server that has not read the body does not see that the client has gone.
	batch, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if hanging != nil {
		select {
		case <-hanging:
		case <-node.ended:
			return
		case <-r.Context().Done():
			return
		}
	}
	if r.Method == http.MethodGet {
		http.NotFound(w, r)
		return
	}
	user, password, _ := r.BasicAuth()
	if authorize != nil && !authorize(node, user, password) {
		status = http.StatusUnauthorized
	}
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	response, err := Answer(bytes.NewReader(batch), node.answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(response) //nolint:errcheck // the client may have gone
}

// answer one call by the handler of the test, if there is one.
func (node *Node) answer(method string, params []any) (any, error) {
	node.nodes.mu.Lock()
	node.calls[method]++
	handle := node.handlers[method]
	node.nodes.mu.Unlock()
	if handle != nil {
		return handle(method, params)
	}
	return node.Call(method, params...)
}

// Call answers one call as bitcoind does, whatever the handlers of the test are.
func (node *Node) Call(method string, params ...any) (any, error) {
	node.nodes.mu.Lock()
	defer node.nodes.mu.Unlock()
	switch method {
	case "getnetworkinfo":
		return bitcoind.NetworkInfo{Version: 290000, Subversion: "/Simulated:29.0.0/"}, nil
	case "getblockchaininfo":
		tip := tipOf(node.chain)
		return bitcoind.ChainInfo{Chain: "regtest", Blocks: int64(len(node.chain)), BestBlockHash: tip.Hash, Time: tip.Time, MedianTime: medianTime(node.chain)}, nil
	case "getpeerinfo":
		return node.peers(), nil
	case "getaddednodeinfo":
		return node.addedNodes(), nil
	case "addnode":
		return nil, node.addNode(textAt(params, 0), textAt(params, 1))
	case "disconnectnode":
		return nil, node.disconnect(numberAt(params, 1))
	case "getblockhash":
		return node.blockHash(numberAt(params, 0))
	case "gettxout":
		return nil, nil // there are no transactions
	case "generatetodescriptor", "generatetoaddress":
		return node.mine(numberAt(params, 0), textAt(params, 1))
	default:
		return nil, &bitcoind.RPCError{Code: codeMethodNotFound, Message: "Method not found"}
	}
}

func (node *Node) blockHash(height int64) (string, error) {
	if height < 0 || height > int64(len(node.chain)) {
		return "", &bitcoind.RPCError{Code: codeInvalidParameter, Message: "Block height out of range"}
	}
	return tipOf(node.chain[:height]).Hash, nil
}

func (node *Node) mine(blocks int64, script string) ([]string, error) {
	now := time.Now
	if node.nodes.Now != nil {
		now = node.nodes.Now
	}
	hashes := []string{}
	for range blocks {
		block, err := nextBlock(node.chain, now(), script)
		if err != nil {
			return nil, err
		}
		node.chain = append(node.chain, block)
		hashes = append(hashes, block.Hash)
	}
	node.exchangeBlocks()
	return hashes, nil
}

func textAt(params []any, i int) string {
	if i >= len(params) {
		return ""
	}
	return fmt.Sprint(params[i])
}

// numberAt is a parameter out of JSON, or of a test.
func numberAt(params []any, i int) int64 {
	if i >= len(params) {
		return 0
	}
	switch n := params[i].(type) {
	case float64:
		return int64(n)
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}
