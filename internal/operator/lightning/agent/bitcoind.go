package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

const (
	// reachTimeout of each check of bitcoind, and reachInterval between them.
	reachTimeout  = 3 * time.Second
	reachInterval = 500 * time.Millisecond
	// maxRPCBytes of an answer of bitcoind to getblockchaininfo.
	maxRPCBytes = 64 << 10
)

// reachable reports why LND would end at its start with this backend: LND tries for 23 seconds, and the kubelet then delays each further
// start of the container, for up to five minutes.
func reachable(ctx context.Context, client *http.Client, b api.Backend) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	address := at(b, b.RPCPort)
	body := strings.NewReader(`{"jsonrpc":"1.0","id":"lnd-agent","method":"getblockchaininfo","params":[]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", body)
	if err != nil {
		return err
	}
	req.SetBasicAuth(b.User, b.Password)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("bitcoind at %s cannot be reached: %w", address, withoutURL(err))
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxRPCBytes))
	if err != nil {
		return fmt.Errorf("bitcoind at %s cannot be reached: %w", address, err)
	}
	if err := rejection(resp.StatusCode, raw); err != nil {
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

// rejection is why bitcoind does not answer getblockchaininfo; nil if it does.
func rejection(status int, raw []byte) error {
	var answer struct {
		Result *struct{ Chain string }
		Error  *struct{ Message string }
	}
	broken := json.Unmarshal(raw, &answer) != nil
	switch {
	case status == http.StatusUnauthorized:
		return errors.New("rejects LND's credential")
	case status == http.StatusForbidden:
		return errors.New("does not allow LND's user the call getblockchaininfo")
	case !broken && answer.Error != nil:
		return fmt.Errorf("is not ready: %s", sentence(answer.Error.Message))
	case broken || status != http.StatusOK || answer.Result == nil:
		return fmt.Errorf("sends an unexpected response with HTTP status %d", status)
	case answer.Result.Chain != "regtest":
		return fmt.Errorf("is on the chain %s, not on regtest", sentence(answer.Result.Chain))
	}
	return nil
}
