package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A pod with several nodes has a supervisor, which starts their processes and restarts those that end. The kubelet reports the pod as
// running all the time: only the supervisor knows which process a node has. It is asked once in each pass, before the nodes, so that no
// answer of a process counts for a later one.

const (
	// failingExits is how often the process of a node must have ended since the node last answered before it counts as failing. The
	// supervisor has waited for several seconds by then.
	failingExits = 3
	// stableAfter is how long the process of a node runs before it does not count as failing any more, for an operator that has started
	// in between and does not know whether the node has answered.
	stableAfter = time.Minute
)

var errNotStarted = errors.New("its pod has not started it yet")

// supervised is what is known of the pod of several nodes: one container with a supervisor.
type supervised struct {
	containerID string
	// inFlight is true while its supervisor is asked, and slow when it did not answer in time.
	inFlight, slow bool
	// nodes are what it reported last, by slot; nil before its first report. err is why there has been none since.
	nodes map[int]api.Node
	err   error
	// settled is how often the process of a node had ended when the node last answered, by slot.
	settled map[int]int
	// accepted is the last number of nodes that it has accepted, and pushing is true while it gets one. pushErr is why it did not accept
	// the latest.
	accepted api.Target
	pushing  bool
	pushErr  error
}

// askSupervisors asks the supervisors of all pods with several nodes at the same time, and gives each node what is known of its process.
func (c *nodeClient) askSupervisors(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, nodes []node) {
	var awaited sync.WaitGroup
	asked := map[types.UID]bool{}
	for i := range nodes {
		n := &nodes[i]
		if !n.shared || !running(n.pod) || asked[n.pod.UID] {
			continue
		}
		asked[n.pod.UID] = true
		c.askSupervisor(ctx, network, state, n, &awaited)
	}
	if len(asked) == 0 {
		return
	}
	waitFor(ctx, &awaited, probeTimeout)
	for i := range nodes {
		state.shared.reportedOf(&nodes[i], c.now())
	}
}

func (c *nodeClient) askSupervisor(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, n *node, awaited *sync.WaitGroup) {
	pod, start, wait := state.shared.startAsking(n.pod)
	if !start {
		return
	}
	kind, at := slowCalls, c.supervisorOf(network, n)
	if wait {
		kind = promptCalls
		awaited.Add(1)
	}
	started := c.now()
	c.run(ctx, state.shared.slots, kind, func(ctx context.Context) {
		var got []api.Node
		err := errPanicked
		defer func() {
			slow := c.now().Sub(started) > probeTimeout
			state.shared.endAsking(pod, got, err, slow)
			if wait {
				awaited.Done()
			}
			if slow || !wait {
				c.requeue(state.key)
			}
		}()
		got, err = c.supervisors.Nodes(ctx, at)
	})
}

// supervisorOf is where the supervisor of a node's pod is reached.
func (c *nodeClient) supervisorOf(network *v1.BitcoinNetwork, n *node) api.Pod {
	at := c.endpoint(network, n)
	return api.Pod{Host: at.Host, User: at.User, Password: at.Password, PreviousPassword: at.PreviousPassword}
}

// startAsking returns the state of a pod, whether to ask its supervisor now, and whether to wait for it.
func (s *sharedState) startAsking(pod *corev1.Pod) (state *supervised, start, wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state = s.pods[pod.UID]
	if id := containerID(pod); state == nil || state.containerID != id {
		state = &supervised{containerID: id, settled: map[int]int{}}
		s.pods[pod.UID] = state
	}
	if state.inFlight {
		return state, false, false
	}
	state.inFlight = true
	return state, true, !state.slow
}

func (s *sharedState) endAsking(state *supervised, got []api.Node, err error, slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state.inFlight, state.err, state.slow = false, err, slow
	if err != nil {
		return
	}
	state.nodes = make(map[int]api.Node, len(got))
	for _, n := range got {
		state.nodes[n.Slot] = n
	}
}

// reportedOf gives a node what is known of its process, or why nothing is.
func (s *sharedState) reportedOf(n *node, now time.Time) {
	if !n.shared || !running(n.pod) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pods[n.pod.UID]
	if state == nil {
		return
	}
	reported, known := state.nodes[n.slot]
	switch {
	case known:
		n.reported = &reported
		stable := reported.Running && now.Sub(reported.Since) >= stableAfter
		n.failing = !stable && reported.Exits-state.settled[n.slot] >= failingExits
		if !reported.Running {
			n.err = fmt.Errorf("its bitcoind does not run%s", lastExit(&reported))
		}
	case state.err != nil:
		n.err = state.err
	case state.nodes != nil && state.pushErr != nil:
		n.err = fmt.Errorf("%w: %w", errNotStarted, state.pushErr)
	case state.nodes != nil:
		n.err = errNotStarted
	}
}

// settle records that nodes answer, or are too busy to: the ends of their processes up to now are no failure any more.
func (s *sharedState) settle(nodes []node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range nodes {
		n := &nodes[i]
		if n.reported == nil || n.answer == nil {
			continue
		}
		n.failing = false
		if state := s.pods[n.pod.UID]; state != nil {
			state.settled[n.slot] = n.reported.Exits
		}
	}
}

// leavingNodes are the names of nodes that run, or start again soon, in the pods of desired ones and are not desired themselves.
func (s *sharedState) leavingNodes(nodes []node) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range nodes {
		n := &nodes[i]
		if n.slot > 0 || !n.shared || n.pod == nil || s.pods[n.pod.UID] == nil {
			continue
		}
		reported, share := s.pods[n.pod.UID].nodes, n.shareOf(n.group.Nodes)
		for _, slot := range slices.Sorted(maps.Keys(reported)) {
			if slot >= share {
				names = append(names, nameOfNode(n.podName, slot, true))
			}
		}
	}
	return names
}

// keepPods deletes what is known of all pods but the existing ones.
func (s *sharedState) keepPods(existing map[types.UID]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid := range s.pods {
		if !existing[uid] {
			delete(s.pods, uid)
		}
	}
}
