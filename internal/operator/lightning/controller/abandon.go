package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// abandon makes a node forget a channel, unless its funding transaction exists: its coins would be lost.
func (a *actions) abandon(ctx context.Context, at api.Pod, c plan.Close) {
	a.background.run(ctx, a.state, c.Key(), 2*tipTimeout+api.CloseTimeout+margin, func(ctx context.Context) error {
		if err := a.findNoFunding(ctx, c.Point); err != nil {
			return err
		}
		err := a.agents.CloseChannel(ctx, at, api.Close{Point: c.Point, Abandon: true})
		if errors.Is(err, api.ErrUnknownRequest) {
			return fmt.Errorf("node %d: %w", c.Node, errEarlierAgent)
		}
		if err != nil {
			return err
		}
		// With the pod, since Kubernetes makes one event of several that differ in their note only.
		eventlog.Record(a.recorder, a.network, eventlog.Event{
			Type: corev1.EventTypeWarning, Reason: v1.LightningEventChannelAbandoned, Action: "Close", Pod: a.nodes[c.Node].podName,
			Note: fmt.Sprintf("channel %s is abandoned at node %d: %s, and no bitcoind has it", c.Channel, c.Node, c.Cause),
		})
		return nil
	})
}

// findNoFunding returns an error unless all bitcoinds of the BitcoinNetwork report that they have no output of this name, neither in the
// chain nor in the mempool: also one that no LND node uses may have it, and pass it on later.
func (a *actions) findNoFunding(ctx context.Context, point string) error {
	transaction, output, _ := strings.Cut(point, ":")
	index, err := strconv.Atoi(output)
	if err != nil {
		return err
	}
	bitcoins := a.allBitcoins(ctx)
	ordinals := slices.Sorted(maps.Keys(bitcoins))
	for _, ordinal := range ordinals {
		if n := bitcoins[ordinal]; n.lnd.User == "" {
			cause := ""
			if n.err != nil {
				cause = " (" + phrase.OfError(n.err) + ")"
			}
			return fmt.Errorf("node %d of the BitcoinNetwork %s does not answer%s, and may have the transaction", ordinal, a.bitcoin.Name, cause)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, tipTimeout)
	defer cancel()
	// All at the same time, since a BitcoinNetwork may have hundreds.
	errs := make([]error, len(ordinals))
	var group sync.WaitGroup
	for i, ordinal := range ordinals {
		group.Go(func() { errs[i] = a.hasNoOutput(ctx, bitcoins[ordinal], transaction, index) })
	}
	group.Wait()
	return cmp.Or(errs...)
}

// hasNoOutput returns an error unless a bitcoind reports that it has no output of this name.
func (a *actions) hasNoOutput(ctx context.Context, n *bitcoinNode, transaction string, index int) error {
	at := a.endpoint(a.bitcoin, n.status)
	at.User, at.Password = n.lnd.User, n.lnd.Password
	var found *bitcoind.TxOut
	err := a.rpc.Call(ctx, at, bitcoind.GetTxOut(transaction, index, &found))
	switch {
	case err != nil:
		return fmt.Errorf("node %d of the BitcoinNetwork %s may have the transaction: %w", n.Ordinal, a.bitcoin.Name, err)
	case found != nil:
		return fmt.Errorf("node %d of the BitcoinNetwork %s has the transaction, with %d confirmations", n.Ordinal, a.bitcoin.Name, found.Confirmations)
	}
	return nil
}

// allBitcoins are the bitcoinds that LND nodes use, and all others of the BitcoinNetwork.
func (a *actions) allBitcoins(ctx context.Context) map[int]*bitcoinNode {
	all, others := maps.Clone(a.bitcoins), map[int]bool{}
	for _, status := range a.bitcoin.Status.Nodes {
		if all[int(status.Ordinal)] == nil {
			others[int(status.Ordinal)] = true
		}
	}
	maps.Copy(all, a.bitcoinNodes(ctx, a.bitcoin, others))
	return all
}
