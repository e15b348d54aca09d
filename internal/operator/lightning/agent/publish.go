//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// errNoTransaction means that LND has no closing transaction of a channel that is being closed.
var errNoTransaction = errors.New("LND has no closing transaction of the channel")

// publish gives bitcoind the closing transaction of a channel, and before it the funding transaction, if LND's wallet has that. LND itself does
// it once, and again only when it is started: bitcoind rejects the closing transaction while it does not know the funding transaction, as after
// a reorganisation of more than ten blocks that began on it. It keeps only the transactions of the last ten blocks then, and gets the others
// with the block of a peer that has them.
func (a *agent) publish(ctx context.Context, point string) error {
	closing, err := a.closingTransaction(ctx, point)
	if err != nil {
		return err
	}
	a.mu.Lock()
	running := a.running
	a.mu.Unlock()
	if running == nil {
		return errNotActive
	}
	id, _, _ := strings.Cut(point, ":")
	funding := a.sendOwn(ctx, *running, id, ancestors)
	err = sendTransaction(ctx, a.rpc, *running, closing)
	if err != nil && funding != nil {
		return fmt.Errorf("%w; the funding transaction: %w", err, funding)
	}
	return err
}

// ancestors are how many transactions of the wallet at most are sent before one that spends them, one after the other.
const ancestors = 10

// notInWallet is in LND's error about a transaction that its wallet does not have, which has no code of its own (btcwallet.ErrNoTx).
const notInWallet = "can not find transaction"

// sendOwn gives bitcoind a transaction of LND's wallet and, if bitcoind rejects it, those of the wallet that it spends before it. One that is not in
// the wallet is no failure: the other end has sent it.
func (a *agent) sendOwn(ctx context.Context, b api.Backend, id string, depth int) error {
	var answer struct {
		Raw   string `json:"raw_tx_hex"`
		Spent []struct {
			Outpoint string `json:"outpoint"`
			Own      bool   `json:"is_our_output"`
		} `json:"previous_outpoints"`
	}
	err := a.lnd.call(ctx, http.MethodGet, "/v2/wallet/tx?txid="+id, nil, &answer)
	if failed, answered := errors.AsType[*lndError](err); answered && strings.Contains(failed.message, notInWallet) {
		return nil
	}
	if err != nil {
		return err
	}
	rejected := sendTransaction(ctx, a.rpc, b, answer.Raw)
	if rejected == nil || depth == 0 {
		return rejected
	}
	sent := false
	for _, spent := range answer.Spent {
		before, _, _ := strings.Cut(spent.Outpoint, ":")
		if spent.Own && idPattern.MatchString(before) {
			sent = a.sendOwn(ctx, b, before, depth-1) == nil || sent
		}
	}
	if !sent {
		return rejected
	}
	return sendTransaction(ctx, a.rpc, b, answer.Raw)
}

// closingTransaction is that of a channel in the state WaitingClose, in hexadecimal.
func (a *agent) closingTransaction(ctx context.Context, point string) (string, error) {
	var answer struct {
		Waiting []struct {
			Channel struct {
				Point string `json:"channel_point"`
			} `json:"channel"`
			Transaction string `json:"closing_tx_hex"`
		} `json:"waiting_close_channels"`
	}
	if err := a.lnd.call(ctx, http.MethodGet, "/v1/channels/pending?include_raw_tx=true", nil, &answer); err != nil {
		return "", err
	}
	for _, c := range answer.Waiting {
		if c.Channel.Point == point && c.Transaction != "" {
			return c.Transaction, nil
		}
	}
	return "", errNoTransaction
}
