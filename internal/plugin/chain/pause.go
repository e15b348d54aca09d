package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
)

// Pause cuts a node from the network for a time: bitcoind closes all its connections and opens none (setnetworkactive), while it still
// answers RPC. To stop the process would need a shell in the pod, which the nodes' image does not have. The node is connected again
// whatever happens, also when the command is interrupted, except when its process is killed.
func Pause(ctx context.Context, c *cluster.Client, pod string, duration time.Duration, paused func()) (err error) {
	defer func() {
		// Also when the first call failed: its answer may have been lost.
		restoring, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*restoreTimeout)
		defer cancel()
		if failed := activate(restoring, c, pod); failed != nil {
			err = both(err, fmt.Errorf("%s may still be cut from the network: kubectl btcnet cli NAME/%s setnetworkactive true connects it (%w)", pod, pod, failed))
		}
	}()
	if err := setActive(ctx, c, pod, "false"); err != nil {
		return err
	}
	if err := c.Wait(ctx, restoreTimeout, "the end of all connections", func(ctx context.Context) (string, error) {
		count, err := c.CLI(ctx, pod, "getconnectioncount")
		if err != nil || count == "0" {
			return "", err
		}
		return "bitcoind reports " + count, nil
	}); err != nil {
		return err
	}
	paused()
	return cluster.Sleep(ctx, duration)
}

// activate tries again until the node answers: the connection to the cluster may be lost for a moment.
func activate(ctx context.Context, c *cluster.Client, pod string) error {
	return c.Wait(ctx, 2*restoreTimeout, "the return of the node", func(ctx context.Context) (string, error) {
		return "", setActive(ctx, c, pod, "true")
	})
}

// setActive sets whether a node has connections, and checks what bitcoind answers.
func setActive(ctx context.Context, c *cluster.Client, pod, state string) error {
	answer, err := c.CLI(ctx, pod, "setnetworkactive", state)
	if err == nil && answer != state {
		err = &cluster.NodeError{Pod: pod, Text: "setnetworkactive " + state + " returned " + answer}
	}
	return err
}

// Activate connects a node that an earlier command left cut from the network.
func Activate(ctx context.Context, c *cluster.Client, pod string) error {
	return setActive(ctx, c, pod, "true")
}

// both joins two errors to one sentence; the first may be nil.
func both(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}
