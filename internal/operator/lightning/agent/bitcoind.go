package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

const (
	// reachTimeout of each check of bitcoind, and reachInterval between them.
	reachTimeout  = 3 * time.Second
	reachInterval = 500 * time.Millisecond
	// maxRPCBytes of an answer of bitcoind.
	maxRPCBytes = 64 << 10
)

// reachable reports why LND would end at its start with this backend: LND tries for 23 seconds, and the kubelet then delays each further
// start of the container, for up to five minutes.
func reachable(ctx context.Context, client *http.Client, b api.Backend) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	address := at(b, b.RPCPort)
	status, raw, err := callBitcoind(ctx, client, b, "getblockchaininfo")
	if err != nil {
		return fmt.Errorf("bitcoind at %s cannot be reached: %w", address, err)
	}
	if err := rejection(status, raw); err != nil {
		return fmt.Errorf("bitcoind at %s %w", address, err)
	}
	for _, port := range []int{b.ZMQRawBlockPort, b.ZMQRawTxPort} {
		if port == 0 {
			continue
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at(b, port))
		if err != nil {
			return fmt.Errorf("bitcoind has no ZMQ at %s: %w", at(b, port), err)
		}
		_ = conn.Close() //nolint:errcheck // nothing was written
	}
	return nil
}

// callBitcoind returns the answer of bitcoind to one call with LND's credential.
func callBitcoind(ctx context.Context, client *http.Client, b api.Backend, method string, params ...any) (status int, answer []byte, err error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": "lnd-agent", "method": method, "params": append([]any{}, params...)})
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at(b, b.RPCPort)+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(b.User, b.Password)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxRPCBytes))
	return resp.StatusCode, answer, err
}

// alreadyInChain is bitcoind's code for a transaction that is in a block.
const alreadyInChain = -27

// sendTransaction gives bitcoind a transaction, which it announces to its peers. One that it has already is no failure.
func sendTransaction(ctx context.Context, client *http.Client, b api.Backend, raw string) error {
	status, body, err := callBitcoind(ctx, client, b, "sendrawtransaction", raw)
	if err != nil {
		return fmt.Errorf("bitcoind at %s cannot be reached: %w", at(b, b.RPCPort), err)
	}
	if err := denied(status, "sendrawtransaction"); err != nil {
		return fmt.Errorf("bitcoind at %s %w", at(b, b.RPCPort), err)
	}
	var answer struct {
		Error *struct {
			Code    int
			Message string
		}
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
		return fmt.Errorf("bitcoind at %s sends an unexpected response", at(b, b.RPCPort))
	case answer.Error != nil && answer.Error.Code != alreadyInChain:
		return fmt.Errorf("bitcoind rejects it: %s", sentence(answer.Error.Message))
	}
	return nil
}

// denied is why bitcoind does not carry out a call, by the status of its answer; nil if it does.
func denied(status int, call string) error {
	switch status {
	case http.StatusUnauthorized:
		return errors.New("rejects LND's credential")
	case http.StatusForbidden:
		return fmt.Errorf("does not allow LND's user the call %s", call)
	}
	return nil
}

// rejection is why bitcoind does not answer getblockchaininfo; nil if it does.
func rejection(status int, raw []byte) error {
	var answer struct {
		Result *struct{ Chain string }
		Error  *struct{ Message string }
	}
	broken := json.Unmarshal(raw, &answer) != nil
	if err := denied(status, "getblockchaininfo"); err != nil {
		return err
	}
	switch {
	case !broken && answer.Error != nil:
		return fmt.Errorf("is not ready: %s", sentence(answer.Error.Message))
	case broken || status != http.StatusOK || answer.Result == nil:
		return fmt.Errorf("sends an unexpected response with HTTP status %d", status)
	case answer.Result.Chain != "regtest":
		return fmt.Errorf("is on the chain %s, not on regtest", sentence(answer.Result.Chain))
	}
	return nil
}
