package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// Client reads a cluster's state.
type Client struct {
	kubernetes.Interface
	dynamic dynamic.Interface
}

// Connect opens the cluster of a kubeconfig file. It sends no request yet.
func Connect(kubeconfig string) (*Client, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("%s is not a usable kubeconfig: %w", kubeconfig, err)
	}
	// With the default of 5 requests per second, an export of all objects takes minutes. DeleteBeyond lists all kinds twice: the burst.
	cfg.QPS, cfg.Burst, cfg.Timeout = 100, 200, 30*time.Second
	// What is deprecated is not chosen here: all kinds are listed.
	cfg.WarningHandler = rest.NoWarnings{}
	typed, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s is not a usable kubeconfig: %w", kubeconfig, err)
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s is not a usable kubeconfig: %w", kubeconfig, err)
	}
	return &Client{typed, dyn}, nil
}

// waitReady replaces kind's own wait, which only prints a warning on a timeout.
func (k *Kind) waitReady(ctx context.Context, limit time.Duration) error {
	c, err := Connect(k.Kubeconfig)
	if err != nil {
		return err
	}
	last := "no answer yet"
	err = wait.PollUntilContextTimeout(ctx, time.Second, limit, true, func(ctx context.Context) (bool, error) {
		last = missing(ctx, c)
		return last == "", nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w within %s: %s", k.Name, ErrNotReady, limit, last)
	}
	return nil
}

// dnsService is the name of the DNS service in every cluster, whichever server runs behind it.
const dnsService = "kube-dns"

// missing describes what a cluster still lacks before charts can be installed, "" for nothing.
func missing(ctx context.Context, c kubernetes.Interface) string {
	list, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	switch {
	case err != nil:
		return err.Error()
	case len(list.Items) == 0:
		return "no node has joined"
	}
	for _, n := range list.Items {
		if !nodeReady(n) {
			return "node " + n.Name + " is not ready"
		}
	}
	// Pods cannot be created before the controller manager has created this account.
	if _, err := c.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return "the default service account does not exist yet"
	}
	// The first chart may need DNS immediately.
	if _, err := c.CoreV1().Services("kube-system").Get(ctx, dnsService, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		return ""
	}
	slices, err := c.DiscoveryV1().EndpointSlices("kube-system").List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + dnsService})
	switch {
	case err != nil:
		return err.Error()
	case !anyReady(slices.Items):
		return "the cluster's DNS is not ready yet"
	}
	return ""
}

func anyReady(slices []discoveryv1.EndpointSlice) bool {
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				return true
			}
		}
	}
	return false
}

func nodeReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// ImageIDs returns the digests of the images of a repository that the pods of a namespace run, by pod and container.
func (c *Client) ImageIDs(ctx context.Context, namespace, repository string) (map[string]string, error) {
	pods, err := c.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", namespace, err)
	}
	ids, wanted := map[string]string{}, image.ContainerdName(repository)
	for _, p := range pods.Items {
		if p.DeletionTimestamp != nil {
			continue
		}
		for _, s := range p.Status.ContainerStatuses {
			if name, digest, ok := strings.Cut(s.ImageID, "@"); ok && image.ContainerdName(name) == wanted {
				ids[p.Name+"/"+s.Name] = digest
			}
		}
	}
	return ids, nil
}

// DeleteNamespace deletes a namespace and waits until it is gone. A namespace that does not exist is no error.
func (c *Client) DeleteNamespace(ctx context.Context, name string, limit time.Duration) error {
	err := wait.PollUntilContextTimeout(ctx, time.Second, limit, true, func(ctx context.Context) (bool, error) {
		err := c.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		return isNotFound(err), nil
	})
	if err != nil {
		return fmt.Errorf("namespace %s was not deleted within %s: %w", name, limit, err)
	}
	return nil
}
