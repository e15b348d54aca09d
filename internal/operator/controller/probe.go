package controller

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
	"unique"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// probeTimeout is how long a pass waits for nodes that answered promptly last time. A longer probe continues in the
	// background, and the network is reconciled again when it ends: a node that hangs delays no other one.
	probeTimeout = 1500 * time.Millisecond
	// A single failed probe is no outage: the last answer replaces a missing one for answerLifetime after its own probe, and in a network whose
	// passes are farther apart for missLifetime after the first probe that failed or took too long. The next pass then starts after missRecheck.
	answerLifetime = 4 * time.Second
	missLifetime   = 2 * time.Second
	missRecheck    = time.Second
	// maxVersionBytes is the limit of the P2P protocol for a node's subversion.
	maxVersionBytes = 256
)

// answer is a node's answer to a probe.
type answer struct {
	info  bitcoind.NetworkInfo
	chain bitcoind.ChainInfo
	peers []bitcoind.PeerInfo
	added []bitcoind.AddedNode
	// publishers are the active ZMQ publishers; publishersErr is why they are not known. Both are empty for a node without any.
	publishers    []bitcoind.Publisher
	publishersErr error
	// at is when the probe was sent.
	at time.Time
	// restored is what an answer without peers was restored from; nil for a real one.
	restored *v1.NodeStatus
}

// probeNodes probes all running nodes at the same time, in one round trip each, and returns the nodes with their answers as of
// the returned time. The supervisors of pods with several nodes are asked before.
func (c *nodeClient) probeNodes(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, nodes []node) ([]node, time.Time) {
	nodes = slices.Clone(nodes)
	c.askSupervisors(ctx, network, state, nodes)
	var awaited sync.WaitGroup
	for i := range nodes {
		if !nodes[i].running() {
			continue
		}
		probed, start, wait := state.shared.startProbe(nodes[i].process())
		if !start {
			continue
		}
		endpoint, publishes := c.endpoint(network, &nodes[i]), len(nodes[i].publishers()) > 0
		kind := slowCalls
		if wait {
			kind = promptCalls
			awaited.Add(1)
		}
		c.run(ctx, state.shared.slots, kind, func(ctx context.Context) {
			var got *answer
			err := errPanicked
			defer func() {
				slow := state.shared.endProbe(probed, got, err, c.now())
				if wait {
					awaited.Done()
				}
				if slow || !wait {
					c.requeue(state.key)
				}
			}()
			state.shared.sendProbe(probed)
			got, err = c.probeAlive(ctx, endpoint, publishes, func() { state.shared.setAlive(probed, c.now()) })
		})
	}
	waitFor(ctx, &awaited, probeTimeout)
	now := c.now()
	for i := range nodes {
		if n := &nodes[i]; n.running() {
			state.shared.answerOf(n, now)
		}
	}
	restoreBusy(nodes, network.Status)
	state.shared.settle(nodes)
	return nodes, now
}

// probe makes the round trip to one node. The batch for a node with ZMQ publishers includes these; a node
// that does not know the call still answers the others.
func (c *nodeClient) probe(ctx context.Context, endpoint bitcoind.Endpoint, publishes bool) (*answer, error) {
	got := &answer{at: c.now()}
	calls := []bitcoind.Call{
		bitcoind.GetNetworkInfo(&got.info),
		bitcoind.GetBlockchainInfo(&got.chain),
		bitcoind.GetPeerInfo(&got.peers),
		bitcoind.GetAddedNodeInfo(&got.added),
	}
	needed := len(calls)
	if publishes {
		calls = append(calls, bitcoind.GetPublishers(&got.publishers))
	}
	errs, err := c.rpc.Batch(ctx, endpoint, calls)
	if err == nil {
		err, got.publishersErr = errors.Join(errs[:needed]...), errors.Join(errs[needed:]...)
	}
	if err == nil {
		err = got.validate()
	}
	if err != nil {
		return nil, err
	}
	// A mesh of 500 nodes reports a quarter of a million peers, with a few different texts.
	for i := range got.peers {
		peer := &got.peers[i]
		peer.Subversion = unique.Make(truncate.UTF8(peer.Subversion, maxVersionBytes)).Value()
		peer.Services, peer.ConnectionType = unique.Make(peer.Services).Value(), unique.Make(peer.ConnectionType).Value()
	}
	return got, nil
}

var blockHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// validate rejects values that no bitcoind on regtest returns, since the status would otherwise contain them, of any length.
func (a *answer) validate() error {
	switch {
	case a.chain.Chain != "regtest":
		return fmt.Errorf("%w: it is on the chain %s, not on regtest", bitcoind.ErrGarbage, truncate.UTF8(strconv.Quote(a.chain.Chain), maxVersionBytes))
	case !blockHash.MatchString(a.chain.BestBlockHash):
		return fmt.Errorf("%w: its best block is %s", bitcoind.ErrGarbage, truncate.UTF8(strconv.Quote(a.chain.BestBlockHash), maxVersionBytes))
	case a.chain.Blocks < 0:
		return fmt.Errorf("%w: its height is %d", bitcoind.ErrGarbage, a.chain.Blocks)
	case len(a.info.Subversion) > maxVersionBytes:
		return fmt.Errorf("%w: its version has %d bytes", bitcoind.ErrGarbage, len(a.info.Subversion))
	}
	return nil
}

// recheckMissed is the time until the next pass for nodes whose last answer replaces a missing one, 0 if there are none.
func recheckMissed(nodes []node) time.Duration {
	if slices.ContainsFunc(nodes, func(n node) bool { return n.missed }) {
		return missRecheck
	}
	return 0
}

func allAnswer(nodes []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool { return n.answer == nil })
}
