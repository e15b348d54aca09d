package cluster

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// WaitReady waits for the condition Ready of the network's current generation.
func (c *Client) WaitReady(ctx context.Context, name string, limit time.Duration) error {
	return c.Wait(ctx, limit, fmt.Sprintf("Ready of the network %s", name), func(ctx context.Context) (string, error) {
		network, err := c.Get(ctx, name)
		if err != nil {
			return "", err
		}
		return notReady(network.Status.Conditions, v1.ConditionReady, network.Generation), nil
	})
}

// notReady is what a condition of this generation reports, empty when it is true.
func notReady(conditions []metav1.Condition, kind string, generation int64) string {
	ready := meta.FindStatusCondition(conditions, kind)
	switch {
	case ready == nil || ready.ObservedGeneration != generation:
		return "the operator has not reconciled it yet; is it running, and does it watch this namespace?"
	case ready.Status == metav1.ConditionTrue:
		return ""
	}
	return fmt.Sprintf("%s: %s", ready.Reason, ready.Message)
}

// Explain turns an error of the API server into one sentence with what to do, for a resource that the client has no function for.
func (c *Client) Explain(err error, verb, resource string) error {
	return c.explain(err, verb, resource, "")
}

// Delete deletes a network, and waits until it is gone. A network that does not exist is no error.
func (c *Client) Delete(ctx context.Context, name string, limit time.Duration) error {
	err := c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return c.explain(err, "delete", resource, name)
	}
	return c.Wait(ctx, limit, "the end of the network "+name, func(ctx context.Context) (string, error) {
		_, err := c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return "", nil
		case err != nil:
			return "", c.explain(err, "get", resource, name)
		}
		return "it still exists", nil
	})
}
