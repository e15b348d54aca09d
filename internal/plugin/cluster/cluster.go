// Package cluster reaches a network and its nodes with the rights of a namespace's editor: networks through the API, nodes through
// bitcoin-cli in their pods. It needs no right on Secrets, because bitcoin-cli reads the node's cookie there.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

// FieldManager owns the fields that the plugin sets.
const FieldManager = "kubectl-btcnet"

// Client reaches one namespace.
type Client struct {
	Namespace string
	Networks  versioned.Interface
	Core      kubernetes.Interface
	Pods      Executor
	// Lightning is the Executor of the pods with LND.
	Lightning Executor
	// Forward connects with a port of a pod; the address is <pod>.<namespace>:<port>.
	Forward func(ctx context.Context, network, address string) (net.Conn, error)
	// Poll is the time between two checks of what a command waits for.
	Poll time.Duration
}

// resource is the name of the networks in errors about rights.
const resource = "bitcoinnetworks"

// Get returns a network.
func (c *Client) Get(ctx context.Context, name string) (*v1.BitcoinNetwork, error) {
	network, err := c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	return network, c.explain(err, "get", resource, name)
}

// List returns the networks of the namespace, or of all.
func (c *Client) List(ctx context.Context, everywhere bool) ([]v1.BitcoinNetwork, error) {
	namespace := c.Namespace
	if everywhere {
		namespace = metav1.NamespaceAll
	}
	list, err := c.Networks.BitcoincontrollerV1().BitcoinNetworks(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, (&Client{Namespace: namespace}).explain(err, "list", resource, "")
	}
	return list.Items, nil
}

// Patch changes a network with a JSON merge patch.
func (c *Client) Patch(ctx context.Context, name string, patch []byte) (*v1.BitcoinNetwork, error) {
	options := metav1.PatchOptions{FieldManager: FieldManager}
	network, err := c.Networks.BitcoincontrollerV1().BitcoinNetworks(c.Namespace).Patch(ctx, name, types.MergePatchType, patch, options)
	return network, c.explain(err, "patch", resource, name)
}

// Wait calls a condition until it returns true, or an error that is not transient. reason is what the caller waits for, for the error
// at the end of the time: the condition returns what is missing.
func (c *Client) Wait(ctx context.Context, limit time.Duration, what string, condition func(context.Context) (missing string, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	tick := time.NewTicker(c.Poll)
	defer tick.Stop()
	missing := "no answer yet"
	for {
		last, err := condition(ctx)
		switch {
		case ctx.Err() != nil: // the error is that of the context, not the state
		case err != nil && !Transient(err):
			return err
		case err != nil:
			missing = err.Error()
		case last == "":
			return nil
		default:
			missing = last
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errTimeout) {
				return fmt.Errorf("%s did not happen within %s: %s", what, limit, missing)
			}
			return ctx.Err()
		}
	}
}

// Sleep returns after a time, or with the error of a context that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errTimeout = errors.New("the time is over")

// Transient reports whether an error can pass by itself: a node that starts, a connection that broke, a server that is busy.
func Transient(err error) bool {
	if _, found := errors.AsType[*NodeError](err); found {
		return true
	}
	if status, found := errors.AsType[*apierrors.StatusError](err); found {
		return apierrors.IsTimeout(status) || apierrors.IsServerTimeout(status) || apierrors.IsTooManyRequests(status) ||
			apierrors.IsInternalError(status) || apierrors.IsServiceUnavailable(status) || apierrors.IsConflict(status)
	}
	_, found := errors.AsType[*url.Error](err)
	return found
}

// Check lists one object of a resource: a missing right has its sentence before a watch begins, which only tries again.
func (c *Client) Check(ctx context.Context, resource string, list func(metav1.ListOptions) error) error {
	return c.explain(list(metav1.ListOptions{Limit: 1}), "list and watch", resource, "")
}

// Every calls a function at an interval until the context ends.
func Every(ctx context.Context, interval time.Duration, call func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			call()
		case <-ctx.Done():
			return
		}
	}
}
