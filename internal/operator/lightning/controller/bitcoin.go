package controller

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// tipTimeout ends the calls for the best block of bitcoinds, and mineTimeout one that mines.
	tipTimeout  = 2 * time.Second
	mineTimeout = time.Minute
)

// bitcoinNode is a bitcoind that LND nodes use.
type bitcoinNode struct {
	plan.Bitcoin
	status v1.NodeStatus
	// lnd is the credential with which it lets LND in; without a user while it does not answer, or lets it in with none.
	lnd bitcoind.Credential
	err error
}

// errNoCredential means that a bitcoind has not restarted since the operator runs LightningNetworks.
var errNoCredential = errors.New("it does not have the credential of LND yet, and restarts with it")

// bitcoinNodes observes the ready nodes among these of a BitcoinNetwork, all at the same time.
func (r *Reconciler) bitcoinNodes(ctx context.Context, bitcoin *v1.BitcoinNetwork, ordinals map[int]bool) map[int]*bitcoinNode {
	nodes := map[int]*bitcoinNode{}
	if bitcoin == nil {
		return nodes
	}
	ctx, cancel := passes.WithTimeout(ctx, tipTimeout)
	defer cancel()
	sides := sidesOf(bitcoin)
	var group sync.WaitGroup
	for ordinal := range ordinals {
		n := &bitcoinNode{Bitcoin: plan.Bitcoin{Ordinal: ordinal, Side: sides[ordinal]}}
		nodes[ordinal] = n
		for _, status := range bitcoin.Status.Nodes {
			if int(status.Ordinal) == ordinal && status.Ready && status.IP != "" {
				n.status = status
				group.Go(func() { r.observeTip(ctx, bitcoin, n) })
			}
		}
	}
	group.Wait()
	return nodes
}

// observeTip asks a bitcoind for its best block, with the credential of LND: so it is known which one LND is let in with.
func (r *Reconciler) observeTip(ctx context.Context, bitcoin *v1.BitcoinNetwork, n *bitcoinNode) {
	for _, credential := range []bitcoind.Credential{r.options.LND.Current(bitcoin), r.options.LND.previous(bitcoin)} {
		if credential.User == "" {
			continue
		}
		var chain bitcoind.ChainInfo
		at := r.endpoint(bitcoin, n.status)
		at.User, at.Password = credential.User, credential.Password
		n.err = r.rpc.Call(ctx, at, bitcoind.GetBlockchainInfo(&chain))
		if errors.Is(n.err, bitcoind.ErrUnauthorized) {
			n.err = errNoCredential
			continue
		}
		if n.err == nil {
			n.lnd = credential
			n.Tip = &plan.Tip{Height: chain.Blocks, Hash: chain.BestBlockHash, Time: time.Unix(max(chain.Time, chain.MedianTime), 0)}
		}
		return
	}
}

// endpoint is where the RPC interface of a bitcoind is reached, without a credential.
func (r *Reconciler) endpoint(bitcoin *v1.BitcoinNetwork, status v1.NodeStatus) bitcoind.Endpoint {
	at := bitcoind.Endpoint{Host: status.IP, Port: int(status.RPCPort)}
	if r.options.Host != nil {
		at.Host = r.options.Host(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: bitcoin.Namespace, Name: status.PodName}})
	}
	return at
}

// sidesOf are the numbers of the partitions of a BitcoinNetwork's nodes, 0 for those in none.
func sidesOf(bitcoin *v1.BitcoinNetwork) map[int]int {
	sides := map[int]int{}
	for i, partition := range bitcoin.Spec.Partitions {
		for _, ordinal := range partition.Nodes {
			if sides[int(ordinal)] == 0 {
				sides[int(ordinal)] = i + 1
			}
		}
	}
	return sides
}

func isForked(bitcoin *v1.BitcoinNetwork) bool {
	synced := meta.FindStatusCondition(bitcoin.Status.Conditions, v1.ConditionSynced)
	return synced != nil && synced.Reason == v1.ReasonForked
}

// isUpdated reports whether all nodes of a BitcoinNetwork have the configuration of its specification.
func isUpdated(bitcoin *v1.BitcoinNetwork) bool {
	return bitcoin.Status.ObservedGeneration == bitcoin.Generation && meta.IsStatusConditionTrue(bitcoin.Status.Conditions, v1.ConditionNodesReady)
}
