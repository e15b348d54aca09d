package chain

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Kill deletes the pod of a node, and waits until another pod has its place, whose bitcoind answers and has its connections.
func Kill(ctx context.Context, c *cluster.Client, network string, node noderef.Node, grace int64, wait bool, limit time.Duration) error {
	before, err := c.Pod(ctx, node.Pod)
	if err != nil {
		return err
	}
	if err := c.DeletePod(ctx, before, grace); err != nil || !wait {
		return err
	}
	if err := c.Wait(ctx, limit, "the return of "+node.Pod, func(ctx context.Context) (string, error) {
		after, err := c.Pod(ctx, node.Pod)
		switch {
		case err != nil:
			return "", err
		case after.UID == before.UID:
			return "the old pod has not ended yet", nil
		case !ready(after):
			return fmt.Sprintf("the new pod is not ready, its phase is %s", after.Status.Phase), nil
		}
		_, err = c.CLI(ctx, node.Pod, "getblockcount")
		return "", err
	}); err != nil {
		return err
	}
	return c.Wait(ctx, limit, "the connection of "+node.Pod, func(ctx context.Context) (string, error) { return Connections(ctx, c, network) })
}

func ready(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
