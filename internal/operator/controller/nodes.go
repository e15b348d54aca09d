package controller

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// callTimeout ends a call to a node.
	callTimeout = 10 * time.Second
	// patience is how long a look waits for nodes that answered promptly last time. A call that takes longer goes on in
	// the background, and the network is looked at again when it ends: one node that hangs holds up nobody else.
	patience = 1500 * time.Millisecond
	// actPatience is how long a look waits for nodes that change their connections: the next one sees what they have done, and
	// asks nothing more of those that are not through.
	actPatience = 500 * time.Millisecond
	// staleAfter is how long a node's last answer stands in for one that is missing, so that a hiccup is no outage.
	staleAfter = 4 * time.Second
	// longestVersion is what the P2P protocol allows for a node's subversion, in bytes.
	longestVersion = 256
	// callsPerNetwork bounds the calls to one network's nodes that are under way at the same time.
	callsPerNetwork = 64
)

// answer is what a node says of itself.
type answer struct {
	info  bitcoind.NetworkInfo
	chain bitcoind.ChainInfo
	peers []bitcoind.PeerInfo
	added []bitcoind.AddedNode
	// at is when the question was sent.
	at time.Time
}

// nodeMemory is what is known of one process of bitcoind. Guarded by memory.mu.
type nodeMemory struct {
	container string
	inFlight  bool
	// queued while a question waits for its turn: the node cannot have answered it.
	queued bool
	// acting while the node carries out a batch of changes to its connections.
	acting bool
	// late nodes are asked, but not waited for.
	late bool
	// good is the last answer; err why there has been none since.
	good         *answer
	err          error
	failingSince time.Time
}

// fleet makes the calls to nodes. It outlives a look, since a call may.
type fleet struct {
	rpc  *bitcoind.Client
	now  func() time.Time
	wake func(types.NamespacedName)

	mu   sync.Mutex
	base context.Context
	gone sync.WaitGroup
}

// Start implements manager.Runnable: calls in the background end with the manager.
func (f *fleet) Start(ctx context.Context) error {
	f.mu.Lock()
	f.base = ctx
	f.mu.Unlock()
	<-ctx.Done()
	f.gone.Wait()
	return nil
}

// call runs a function in the background, with a context that ends after callTimeout or with the manager.
func (f *fleet) call(run func(context.Context)) { f.callInTurn(nil, run) }

// callInTurn is call for one of many: it waits for a slot first, if there are any, and its time begins after that.
func (f *fleet) callInTurn(slots chan struct{}, run func(context.Context)) {
	f.mu.Lock()
	base := f.base
	f.mu.Unlock()
	if base == nil {
		base = context.Background()
	}
	f.gone.Go(func() {
		if slots != nil {
			slots <- struct{}{}
			defer func() { <-slots }()
		}
		ctx, cancel := context.WithTimeout(base, callTimeout)
		defer cancel()
		run(ctx)
	})
}

// endpoint is where and as whom the operator calls a node.
func (r *Reconciler) endpoint(network *v1.BitcoinNetwork, n node) bitcoind.Endpoint {
	credential := r.settings.Credential(network)
	at := bitcoind.Endpoint{Host: n.ip(), User: credential.User, Password: credential.Password}
	if r.host != nil {
		at.Host = r.host(n.pod)
	}
	if r.previous != nil {
		at.PreviousPassword = r.previous(network).Password
	}
	return at
}

// askNodes asks all nodes at the same time, in one round trip each.
func (r *Reconciler) askNodes(ctx context.Context, l *look) error {
	// Late nodes wait for each other only: as many of them as there are slots would leave none for the healthy ones.
	prompt, late := make(chan struct{}, callsPerNetwork), make(chan struct{}, callsPerNetwork)
	var awaited sync.WaitGroup
	for i := range l.nodes {
		n := &l.nodes[i]
		if !running(n.pod) {
			continue
		}
		known, ask, wait := l.memory.node(n.pod)
		if !ask {
			continue
		}
		at := r.endpoint(l.network, *n)
		slots := late
		if wait {
			slots = prompt
			awaited.Add(1)
		}
		r.nodes.callInTurn(slots, func(ctx context.Context) {
			l.memory.asked(known)
			got, err := r.nodes.ask(ctx, at)
			slow := l.memory.answered(known, got, err, r.now())
			if wait {
				awaited.Done()
			}
			if slow || !wait {
				r.nodes.wake(l.memory.key)
			}
		})
	}
	waitFor(ctx, &awaited, patience)
	l.now = r.now()
	for i := range l.nodes {
		n := &l.nodes[i]
		if running(n.pod) {
			n.answer, n.err = l.memory.answerOf(n.pod, l.now)
		}
	}
	return nil
}

// waitFor waits for the group, but no longer than the limit.
func waitFor(ctx context.Context, group *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// running tells whether there is a bitcoind to ask. Long before the kubelet calls it ready, it may answer.
func running(pod *corev1.Pod) bool {
	if pod == nil || !pod.DeletionTimestamp.IsZero() || pod.Status.PodIP == "" {
		return false
	}
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Name == resources.ContainerName {
			return status.State.Running != nil
		}
	}
	return false
}

func containerID(pod *corev1.Pod) string {
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Name == resources.ContainerName {
			return status.ContainerID
		}
	}
	return ""
}

// ask makes the one round trip of a look.
func (f *fleet) ask(ctx context.Context, at bitcoind.Endpoint) (*answer, error) {
	got := &answer{at: f.now()}
	calls := []bitcoind.Call{
		bitcoind.GetNetworkInfo(&got.info),
		bitcoind.GetBlockchainInfo(&got.chain),
		bitcoind.GetPeerInfo(&got.peers),
		bitcoind.GetAddedNodeInfo(&got.added),
	}
	errs, err := f.rpc.Batch(ctx, at, calls)
	if err == nil {
		err = errors.Join(errs...)
	}
	if err == nil {
		err = got.plausible()
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

var blockHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// plausible refuses what no bitcoind on regtest says. The status would take what these fields hold, of any length.
func (a *answer) plausible() error {
	switch {
	case a.chain.Chain != "regtest":
		return fmt.Errorf("%w: it is on the chain %s, not on regtest", bitcoind.ErrGarbage, clip(strconv.Quote(a.chain.Chain), longestVersion))
	case !blockHash.MatchString(a.chain.BestBlockHash):
		return fmt.Errorf("%w: its best block is %s", bitcoind.ErrGarbage, clip(strconv.Quote(a.chain.BestBlockHash), longestVersion))
	case a.chain.Blocks < 0:
		return fmt.Errorf("%w: its height is %d", bitcoind.ErrGarbage, a.chain.Blocks)
	case len(a.info.Subversion) > longestVersion:
		return fmt.Errorf("%w: its version has %d bytes", bitcoind.ErrGarbage, len(a.info.Subversion))
	}
	return nil
}

// node returns what is known of the pod's bitcoind, whether to ask it now, and whether to wait for the answer.
func (m *memory) node(pod *corev1.Pod) (known *nodeMemory, ask, wait bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known = m.nodes[pod.UID]
	if id := containerID(pod); known == nil || known.container != id {
		known = &nodeMemory{container: id}
		m.nodes[pod.UID] = known
	}
	ask = !known.inFlight
	wait = ask && !known.late
	if ask {
		known.inFlight, known.queued = true, true
	}
	return known, ask, wait
}

// asked notes that a question is on its way.
func (m *memory) asked(known *nodeMemory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known.queued = false
}

// answered notes the end of a call, and tells whether it took longer than a look waits.
func (m *memory) answered(known *nodeMemory, got *answer, err error, now time.Time) (slow bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known.inFlight = false
	if err != nil {
		known.err = err
		if known.failingSince.IsZero() {
			known.failingSince = now
		}
		var away *bitcoind.UnreachableError
		known.late = errors.As(err, &away) && away.Timeout()
		return known.late
	}
	slow = now.Sub(got.at) > patience
	known.good, known.err, known.failingSince, known.late = got, nil, time.Time{}, slow
	return slow
}

// act claims the right to change the node's connections; done gives it back. A batch goes on in the node also when nobody
// waits for it any more, and a second one beside it would only take another of the node's RPC threads.
func (m *memory) act(pod *corev1.Pod) (done func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.nodes[pod.UID]
	if known == nil || known.acting {
		return nil, false
	}
	known.acting = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		known.acting = false
	}, true
}

// acting is the number of nodes that carry out changes from an earlier look: what they do may not show yet, and what they took
// off their lists is not known to linger.
func (m *memory) acting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	acting := 0
	for _, known := range m.nodes {
		if known.acting {
			acting++
		}
	}
	return acting
}

// answerOf returns the node's answer, or why there is none.
func (m *memory) answerOf(pod *corev1.Pod, now time.Time) (*answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.nodes[pod.UID]
	if known == nil {
		return nil, nil
	}
	if known.good != nil && (known.queued && known.err == nil || now.Sub(known.good.at) < staleAfter) {
		return known.good, nil
	}
	if known.err != nil {
		return nil, known.err
	}
	if known.inFlight && !known.queued {
		known.late = true
		return nil, fmt.Errorf("%s: no answer within %s", pod.Status.PodIP, patience)
	}
	return nil, nil
}
