package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lightningResource is the name of the LightningNetworks in errors about rights.
const lightningResource = "lightningnetworks"

// ErrNoLightning means that the cluster has no definition of LightningNetworks.
var ErrNoLightning = errors.New("the cluster has no LightningNetworks: an administrator switches them on with the value lightning.enabled=true of the " +
	"chart bitcoin-controller")

// GetLightning returns a LightningNetwork.
func (c *Client) GetLightning(ctx context.Context, name string) (*v1.LightningNetwork, error) {
	network, err := c.Networks.BitcoincontrollerV1().LightningNetworks(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	return network, c.explainLightning(err, "get", name)
}

// ListLightning returns the LightningNetworks of the namespace, or of all.
func (c *Client) ListLightning(ctx context.Context, everywhere bool) ([]v1.LightningNetwork, error) {
	namespace := c.Namespace
	if everywhere {
		namespace = metav1.NamespaceAll
	}
	list, err := c.Networks.BitcoincontrollerV1().LightningNetworks(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, (&Client{Namespace: namespace}).explainLightning(err, "list", "")
	}
	return list.Items, nil
}

// CreateLightning is Create for a LightningNetwork.
func (c *Client) CreateLightning(ctx context.Context, network *v1.LightningNetwork, dryRun bool) (*v1.LightningNetwork, error) {
	created, err := create(ctx, c.Networks.BitcoincontrollerV1().LightningNetworks(c.Namespace), network, dryRun)
	return created, c.explainLightning(err, "create", network.Name)
}

// WaitLightningReady waits for the condition Ready of the network's current generation.
func (c *Client) WaitLightningReady(ctx context.Context, name string, limit time.Duration) error {
	return c.Wait(ctx, limit, fmt.Sprintf("Ready of the Lightning network %s", name), func(ctx context.Context) (string, error) {
		network, err := c.GetLightning(ctx, name)
		if err != nil {
			return "", err
		}
		return notReady(network.Status.Conditions, v1.LightningConditionReady, network.Generation), nil
	})
}

func (c *Client) explainLightning(err error, verb, name string) error {
	switch status := statusOf(err); {
	case status == nil:
	// Without the definition, the address itself is unknown to the API server.
	case apierrors.IsNotFound(status) && apierrors.HasStatusCause(status, metav1.CauseTypeUnexpectedServerResponse):
		return ErrNoLightning
	case apierrors.IsNotFound(status) && verb == "get":
		return fmt.Errorf("namespace %q has no Lightning network %s: kubectl get lnnet --all-namespaces lists those of the cluster (%w)", c.Namespace, name, status)
	case apierrors.IsAlreadyExists(status):
		return fmt.Errorf("namespace %q already has a Lightning network %s: choose another name, or delete it with kubectl delete lnnet %s (%w)", c.Namespace, name, name, status)
	}
	return c.explain(err, verb, lightningResource, "")
}
