//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

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
	// Its own rejection is of no interest: that of the closing transaction follows from it, and is the one that hinders the channel.
	if funding, err := a.fundingTransaction(ctx, point); err == nil && funding != "" {
		if err := sendTransaction(ctx, a.rpc, *running, funding); err != nil {
			a.report("the funding transaction of %s is not published: %v", point, err)
		}
	}
	if err := sendTransaction(ctx, a.rpc, *running, closing); err != nil {
		return fmt.Errorf("the closing transaction is not published: %w", err)
	}
	return nil
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

// fundingTransaction of a channel, in hexadecimal; "" when it is not in LND's wallet, because the other end has opened the channel. LND's wallet
// may report it as confirmed by a block of before a reorganisation.
func (a *agent) fundingTransaction(ctx context.Context, point string) (string, error) {
	var answer struct {
		Transactions []struct {
			ID  string `json:"tx_hash"`
			Raw string `json:"raw_tx_hex"`
		} `json:"transactions"`
	}
	if err := a.lnd.call(ctx, http.MethodGet, "/v1/transactions?end_height=-1", nil, &answer); err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(point, ":")
	for _, t := range answer.Transactions {
		if t.ID == id {
			return t.Raw, nil
		}
	}
	return "", nil
}
