package chain

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Kill deletes the pod of a node, and waits until another pod has its place, whose bitcoind answers and has its connections. Of a pod with
// several nodes it ends the one process, which the supervisor starts again.
func Kill(ctx context.Context, c *cluster.Client, network string, node noderef.Node, grace int64, wait bool, limit time.Duration) error {
	if noderef.At(node.Pod).Packed {
		return stop(ctx, c, network, node, wait, limit)
	}
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
	return AwaitConnections(ctx, c, network, "the connection of "+node.Pod, limit)
}

// oldEnough is from which age in seconds a process can be distinguished from the next one, also when a call takes as long.
const oldEnough = 5

// stop ends bitcoind alone, and waits until another process answers and has its connections.
func stop(ctx context.Context, c *cluster.Client, network string, node noderef.Node, wait bool, limit time.Duration) error {
	var age int64
	if err := c.Wait(ctx, limit, "the start of "+node.Pod, func(ctx context.Context) (missing string, err error) {
		if age, err = cluster.Ask[int64](ctx, c, node.Pod, "uptime"); err == nil && age < oldEnough {
			missing = "it has just started"
		}
		return missing, err
	}); err != nil {
		return err
	}
	asked := time.Now()
	if _, err := c.CLI(ctx, node.Pod, "stop"); err != nil || !wait {
		return err
	}
	if err := c.Wait(ctx, limit, "the return of "+node.Pod, func(ctx context.Context) (string, error) {
		since := int64(time.Since(asked) / time.Second)
		now, err := cluster.Ask[int64](ctx, c, node.Pod, "uptime")
		if err == nil && !isNext(age, now, since) {
			return "the old process has not ended yet", nil
		}
		return "", err
	}); err != nil {
		return err
	}
	return AwaitConnections(ctx, c, network, "the connection of "+node.Pod, limit)
}

// isNext reports whether the age of a process is that of another one than the one that had an age some seconds before: that one would be older
// now, but for a second that each of the two ages may lack.
func isNext(before, now, since int64) bool { return now+1 < before+since }

func ready(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
