package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/snapshot"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// annotationSnapshot has the digest of the snapshot from which a network was started, so that an interrupted start can continue.
const annotationSnapshot = v1.GroupName + "/snapshot"

// snapshot reads and checks that of --from; nil without the flag. Nothing has been created then.
func (c *create) snapshot(ctx context.Context) (*archive.Archive, error) {
	switch {
	case c.from == "" && c.digest != "":
		return nil, invalid.Errorf("--digest is that of a snapshot: name it with --from")
	case c.from == "":
		return nil, nil
	}
	a, err := readSnapshot(ctx, c.from, c.digest)
	if err != nil {
		return nil, err
	}
	if err := snapshot.Usable(a, time.Now()); err != nil {
		return nil, err
	}
	if !c.nodesGiven {
		c.spec.Nodes = int32(max(a.Network.Nodes, 1)) //nolint:gosec // at most 500, or the API server rejects it
	}
	return a, nil
}

// createFrom creates a network that does not mine, gives its nodes the chain and their wallets, and lets it mine then.
func (c *create) createFrom(ctx context.Context, client *cluster.Client, network *v1.BitcoinNetwork, a *archive.Archive) error {
	mining := network.Spec.Mining
	network.Spec.Mining = nil
	network.Annotations = map[string]string{annotationSnapshot: a.Digest}
	before, err := client.NetworkPods(ctx, network.Name)
	if err != nil {
		return err
	}
	foreign := map[types.UID]bool{}
	for i := range before.Items {
		foreign[before.Items[i].UID] = true
	}
	created, err := client.Create(ctx, network, false)
	if apierrors.IsAlreadyExists(err) {
		created, err = c.goOn(ctx, client, network, a, err)
		foreign = nil
	}
	if err != nil {
		return err
	}
	r := &snapshot.Restorer{Cluster: client, Archive: a, Network: created, Foreign: foreign}
	notes, err := r.Run(ctx, c.timeout)
	for _, note := range notes {
		c.note("%s", note)
	}
	if err == nil {
		err = r.Cluster.WaitReady(ctx, network.Name, c.timeout) // it polls as the restorer does
	}
	if err == nil {
		err = r.Unchanged(ctx)
	}
	if err == nil && mining != nil {
		err = setMining(ctx, client, network.Name, mining)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errInterrupted // whatever was going on
		}
		return unfinished(network.Name, r.Complete(), err)
	}
	_, err = fmt.Fprintf(c.streams.Out, "%s has %d nodes with the chain of %s: height %d, best block %s, %d wallets\n", network.Name,
		len(noderef.Nodes(created)), a.Network.Name, a.Height, a.BestBlock, r.Wallets())
	return err
}

// goOn returns the existing network, if it was started from the same snapshot.
func (c *create) goOn(ctx context.Context, client *cluster.Client, requested *v1.BitcoinNetwork, a *archive.Archive, exists error) (*v1.BitcoinNetwork, error) {
	name := requested.Name
	network, err := client.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if network.Annotations[annotationSnapshot] != a.Digest {
		return nil, exists
	}
	if network.Spec.Mining != nil {
		return nil, fmt.Errorf("the network %s exists, was started from this snapshot, and mines: it is complete", name)
	}
	if has, want := len(noderef.Nodes(network)), len(noderef.Nodes(requested)); has != want {
		return nil, fmt.Errorf("the network %s exists, was started from this snapshot, and has %d nodes, not %d: the same number continues, and kubectl delete btcnet %s begins anew",
			name, has, want, name)
	}
	c.note("The network %s exists already, from this snapshot: continuing with it.", name)
	return network, nil
}

var errInterrupted = errors.New("interrupted")

// unfinished is an error with what exists, and how to continue.
func unfinished(name string, complete []int, err error) error {
	with := "no node"
	if len(complete) > 0 {
		with = "the nodes " + noderef.Ranges(complete)
	}
	return fmt.Errorf("%w; the network %s exists, without mining, with chain and wallets on %s: the same command continues, and kubectl delete btcnet %s begins anew",
		err, name, with, name)
}

func setMining(ctx context.Context, client *cluster.Client, name string, mining *v1.Mining) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"mining": mining}})
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, name, patch)
	return err
}
