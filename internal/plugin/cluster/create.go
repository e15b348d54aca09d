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
	created, err := create(ctx, c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace), network, dryRun)
	return created, c.explain(err, "create", resource, network.Name)
}

// creator is a part of the clients of both kinds of network.
type creator[T metav1.Object] interface {
	Create(ctx context.Context, network T, options metav1.CreateOptions) (T, error)
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
}

func create[T metav1.Object](ctx context.Context, networks creator[T], network T, dryRun bool) (T, error) {
	options, began := metav1.CreateOptions{FieldManager: FieldManager}, time.Now()
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	created, err := networks.Create(ctx, network, options)
	if err != nil && !dryRun && ctx.Err() == nil && Transient(err) {
		existing, failed := networks.Get(ctx, network.GetName(), metav1.GetOptions{})
		switch {
		case failed == nil && isNew(existing, began):
			return existing, nil
		case apierrors.IsNotFound(failed):
			created, err = networks.Create(ctx, network, options)
		}
	}
	return created, err
}

// clockSkew is how far the clocks of this machine and of the API server may be apart.
const clockSkew = time.Minute

// isNew reports whether this program has just created a network.
func isNew(network metav1.Object, since time.Time) bool {
	at := network.GetCreationTimestamp()
	return at.After(since.Add(-clockSkew)) && slices.ContainsFunc(network.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == FieldManager
	})
}
