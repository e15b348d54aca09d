package controller

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A node carries out calls in some threads, 16 unless the spec has another number, and users may take all of them with calls that
// wait for something, such as waitfornewblock, or with more calls than the node can carry out. bitcoind does not detect that the
// client of such a call has gone. The node is then a full member of the network for everybody else, and must stay one: its HTTP server
// responds where no thread is needed, its last answer has what cannot have changed without one, and its peers report its connections.

const (
	// alivePause is the time before and between requests that need no thread, while a node does not answer.
	alivePause = 500 * time.Millisecond
	// aliveTimeout ends such a request, and aliveLifetime is how long a response counts: a single one may be lost on a busy machine.
	aliveTimeout  = 2 * time.Second
	aliveLifetime = 6 * time.Second
	// queueRetries is how often a probe is sent again within a second when the queue of the node is full: a flood of short calls leaves
	// gaps.
	queueRetries = 5
	queuePause   = 200 * time.Millisecond
	// busyReportTime is how long a node is reported as busy: in a flood of calls it answers now and then, and the condition should not flap.
	busyReportTime = 30 * time.Second
)

var errBusy = errors.New("all its RPC threads are taken by other calls")

// probeAlive makes the round trip to one node. While it takes long, it finds out whether the node is alive.
func (c *nodeClient) probeAlive(ctx context.Context, endpoint bitcoind.Endpoint, publishes bool, setAlive func()) (*answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		protect(ctx, func(ctx context.Context) {
			for sleep(ctx, alivePause) {
				if c.alive(ctx, endpoint) == nil {
					setAlive()
				}
			}
		})
	})
	for retry := 0; ; retry++ {
		got, err := c.probe(ctx, endpoint, publishes)
		var unreachable *bitcoind.UnreachableError
		if !errors.As(err, &unreachable) || !unreachable.QueueFull() || retry == queueRetries || !sleep(ctx, queuePause) {
			return got, err
		}
	}
}

func (c *nodeClient) alive(ctx context.Context, endpoint bitcoind.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, aliveTimeout)
	defer cancel()
	return c.rpc.Alive(ctx, endpoint)
}

// sleep returns false when the context ends first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// restoreBusy gives busy nodes that have not answered this process of the operator what the status has of them: a restart of the
// operator changes nothing. What their peers are is not known, but the other ends of their connections report these.
func restoreBusy(nodes []node, status v1.BitcoinNetworkStatus) {
	before := make(map[string]*v1.NodeStatus, len(status.Nodes))
	for i := range status.Nodes {
		before[nameOfNode(status.Nodes[i].PodName, int(status.Nodes[i].Slot), true)] = &status.Nodes[i]
	}
	for i := range nodes {
		n := &nodes[i]
		if !n.busy || n.answer != nil {
			continue
		}
		if last := before[nameOfNode(n.podName, n.slot, true)]; last != nil && last.Ready && last.IP == n.ip() && blockHash.MatchString(last.BestBlockHash) {
			n.answer = &answer{
				info: bitcoind.NetworkInfo{Subversion: last.Version}, restored: last,
				chain: bitcoind.ChainInfo{Chain: "regtest", Blocks: last.Blocks, BestBlockHash: last.BestBlockHash},
			}
		} else {
			n.busy = false
		}
	}
}
