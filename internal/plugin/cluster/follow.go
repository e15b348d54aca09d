package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// podsOf selects the pods of a network.
func podsOf(network string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: labels.Set(resources.Labels(network)).String()}
}

// NetworkPods returns the pods of a network, whether it exists or not.
func (c *Client) NetworkPods(ctx context.Context, network string) (*corev1.PodList, error) {
	pods, err := c.Core.CoreV1().Pods(c.Namespace).List(ctx, podsOf(network))
	return pods, c.explain(err, "list", "pods", "")
}

// FollowPods calls a function for each pod of a network, and again when the pod changes, until the context ends.
func (c *Client) FollowPods(ctx context.Context, network string, each func(*corev1.Pod)) error {
	for {
		pods, err := c.NetworkPods(ctx, network)
		if err == nil {
			for i := range pods.Items {
				each(&pods.Items[i])
			}
			err = c.watchPods(ctx, network, pods.ResourceVersion, each)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !Transient(err) {
			return err
		}
		if Sleep(ctx, c.Poll) != nil {
			return nil
		}
	}
}

// watchPods returns when the watch ends, which the API server does too.
func (c *Client) watchPods(ctx context.Context, network, version string, each func(*corev1.Pod)) error {
	options := podsOf(network)
	options.ResourceVersion = version
	w, err := c.Core.CoreV1().Pods(c.Namespace).Watch(ctx, options)
	if err != nil {
		return c.explain(err, "watch", "pods", "")
	}
	defer w.Stop()
	for {
		select {
		case event, open := <-w.ResultChan():
			if !open || event.Type == watch.Error {
				return nil
			}
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type != watch.Deleted {
				each(pod)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
