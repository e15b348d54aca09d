package cluster

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Create creates a network; dryRun validates it only. An answer that is lost on the way does not fail it: the network may exist by then.
func (c *Client) Create(ctx context.Context, network *v1.BitcoinNetwork, dryRun bool) (*v1.BitcoinNetwork, error) {
	options := metav1.CreateOptions{FieldManager: FieldManager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	networks, began := c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace), time.Now()
	created, err := networks.Create(ctx, network, options)
	if err != nil && !dryRun && ctx.Err() == nil && Transient(err) {
		existing, failed := networks.Get(ctx, network.Name, metav1.GetOptions{})
		switch {
		case failed == nil && isNew(existing, began):
			return existing, nil
		case apierrors.IsNotFound(failed):
			created, err = networks.Create(ctx, network, options)
		}
	}
	return created, c.explain(err, "create", resource, network.Name)
}

// clockSkew is how far the clocks of this machine and of the API server may be apart.
const clockSkew = time.Minute

// isNew reports whether this program has just created a network.
func isNew(network *v1.BitcoinNetwork, since time.Time) bool {
	return network.CreationTimestamp.After(since.Add(-clockSkew)) && slices.ContainsFunc(network.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == FieldManager
	})
}
