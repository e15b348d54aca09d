package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// MissingRight means that the caller's account may not do something.
type MissingRight struct{ Verb, Resource, Namespace string }

func (e *MissingRight) Error() string {
	where := fmt.Sprintf("in namespace %q", e.Namespace)
	if e.Namespace == metav1.NamespaceAll {
		where = "in all namespaces"
	}
	return fmt.Sprintf("your account has no right to %s %s %s: an administrator can give it with the role edit of the namespace", e.Verb, e.Resource, where)
}

// RPCError is an error that bitcoind returned for a call.
type RPCError struct {
	// Pod is the name of a noderef.Place, as in all errors.
	Pod     string
	Code    int
	Message string
}

func (e *RPCError) Error() string {
	return fmt.Sprintf("bitcoind in %s returned an error: %s (code %d)", e.Pod, terminal.Line(e.Message), e.Code)
}

// The codes of bitcoind's errors that the plugin handles (src/rpc/protocol.h).
const (
	CodeWallet          = -4
	CodeInvalidAddress  = -5
	CodeKeypoolRanOut   = -12
	CodeWalletNotFound  = -18
	CodeWarmup          = -28
	CodeAlreadyLoaded   = -35
	CodeWalletLabelName = -11
)

// IsCode reports whether an error is bitcoind's with one of these codes.
func IsCode(err error, codes ...int) bool {
	rpc, found := errors.AsType[*RPCError](err)
	if !found {
		return false
	}
	for _, code := range codes {
		if rpc.Code == code {
			return true
		}
	}
	return false
}

// NodeError means that a node did not answer: its pod is missing or starts, or bitcoind in it does.
type NodeError struct {
	Pod  string
	Text string
	Err  error
}

func (e *NodeError) Error() string {
	text := terminal.Line(e.Text)
	if text == "" && e.Err != nil {
		text = terminal.Line(e.Err.Error())
	}
	return fmt.Sprintf("the node %s does not answer: %s; kubectl describe pod %s shows its state", e.Pod, text, noderef.At(e.Pod).Pod)
}

func (e *NodeError) Unwrap() error { return e.Err }

// explain turns an error of the API server into one sentence with what to do; name is that of the network, if there is one.
func (c *Client) explain(err error, verb, resource, name string) error {
	switch status := statusOf(err); {
	case err == nil:
		return nil
	case status == nil:
		if unreachable, found := errors.AsType[*url.Error](err); found && !unreachable.Timeout() && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("the API server cannot be reached: check the cluster, or choose another one with --context or --kubeconfig (%w)", err)
		}
		return err
	case apierrors.IsForbidden(status):
		return c.forbidden(status, verb, resource)
	case apierrors.IsUnauthorized(status):
		return fmt.Errorf("the API server does not accept your credentials: log in again, or choose another context of the kubeconfig (%w)", status)
	case apierrors.IsNotFound(status) && apierrors.HasStatusCause(status, metav1.CauseTypeUnexpectedServerResponse):
		return fmt.Errorf("the cluster has no resource %s: install the chart of bitcoin-controller first (%w)", resource, status)
	case apierrors.IsNotFound(status) && name != "":
		return fmt.Errorf("namespace %q has no network %s: kubectl get btcnet --all-namespaces lists those of the cluster (%w)", c.Namespace, name, status)
	case apierrors.IsAlreadyExists(status):
		return fmt.Errorf("namespace %q already has a network %s: choose another name, or delete it with kubectl delete btcnet %s (%w)", c.Namespace, name, name, status)
	default:
		return status
	}
}

// forbidden distinguishes a missing right from a quota or a policy, which reject with the same code.
func (c *Client) forbidden(status *apierrors.StatusError, verb, resource string) error {
	if !lacksRight(status.ErrStatus.Message) {
		return status
	}
	return &MissingRight{Verb: verb, Resource: resource, Namespace: c.Namespace}
}

// statusOf finds the answer of the API server, also to a request for a stream.
func statusOf(err error) *apierrors.StatusError {
	if upgrade, found := errors.AsType[*httpstream.UpgradeFailureError](err); found {
		err = upgrade.Cause
	}
	status, _ := errors.AsType[*apierrors.StatusError](err)
	return status
}
