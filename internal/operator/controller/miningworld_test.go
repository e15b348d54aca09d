package controller

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// miningWorld is a network whose nodes mine as bitcoind does, with a fake clock, and an operator that can be restarted: only the status
// and the chains survive. Blocks reach the nodes of a side at once.
type miningWorld struct {
	t       *testing.T
	fake    *fakeNodes
	client  *nodeClient
	network *v1.BitcoinNetwork
	state   *networkState
	desired []topology.Edge
	// notReady are nodes that do not answer.
	notReady map[int]bool
	// clock is how far the clocks of the nodes differ from the operator's.
	clock time.Duration
	// joined is whether blocks may still cross between the sides.
	joined bool
	// reports are the changes of the condition Mining, and events those of the transitions.
	reports, events []string

	mu     sync.Mutex
	chains []simulatedChain
	mined  []minedBlock
	// broken are errors of nodes that cannot mine.
	broken map[int]error
}

// simulatedChain are the times of the blocks of one node, in seconds since 1970.
type simulatedChain []int64

// minedBlock is a block that a node mined for the operator.
type minedBlock struct {
	at   time.Time
	node int
}

func (c simulatedChain) medianTime() int64 {
	last := slices.Clone(c[max(0, len(c)-11):])
	slices.Sort(last)
	return last[len(last)/2]
}

func (c simulatedChain) hash(side int) string {
	return fmt.Sprintf("%d of %d at %d", len(c), side, c[len(c)-1])
}

const genesisTime = 946684800 - 24*3600 // a day before the fake clock starts

func newMiningWorld(t *testing.T, nodes int32, desired []topology.Edge, spec v1.Mining) *miningWorld {
	t.Helper()
	w := &miningWorld{t: t, desired: desired, notReady: map[int]bool{}, broken: map[int]error{}}
	w.network = testNetwork(v1.BitcoinNetworkSpec{Nodes: nodes, Mining: &spec})
	w.network.CreationTimestamp = metav1.Now()
	w.fake = newFakeNodes()
	for i := range int(nodes) {
		w.chains = append(w.chains, simulatedChain{genesisTime})
		w.fake.answer(i, func(string, []any) (any, error) { return []string{"00"}, w.mine(i, 1, true) })
	}
	w.restart()
	return w
}

// restart ends the operator and starts another.
func (w *miningWorld) restart() {
	w.client = w.fake.client(w.t)
	w.state = newNetworkState(w.network)
}

// mine makes a node mine blocks at once, as a user does, or the operator.
func (w *miningWorld) mine(node, blocks int, byOperator bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.broken[node]; err != nil {
		return err
	}
	now := time.Now().Add(w.clock).Unix()
	chain := slices.Clone(w.chains[node])
	for range blocks {
		at := max(chain.medianTime()+1, now)
		if at > now+int64(maxBlockAhead/time.Second) {
			return errors.New("CreateNewBlock: TestBlockValidity failed: time-too-new, block timestamp too far in the future")
		}
		chain = append(chain, at)
	}
	if byOperator {
		w.mined = append(w.mined, minedBlock{time.Now(), node})
	}
	first := firstOfSide(len(w.chains), w.desired)
	for i := range w.chains {
		if first[i] == first[node] {
			w.chains[i] = chain
		}
	}
	return nil
}

// nodes are the nodes as the operator sees them.
func (w *miningWorld) nodes() []node {
	w.mu.Lock()
	defer w.mu.Unlock()
	group := resources.Groups(w.network, "image")[0]
	first := firstOfSide(len(w.chains), w.desired)
	nodes := allPodsReady(withAddresses(make([]node, len(w.chains))))
	for i, chain := range w.chains {
		nodes[i].ordinal, nodes[i].podName, nodes[i].group = i, group.PodName(i), group
		if !w.notReady[i] {
			nodes[i].answer = &answer{chain: bitcoind.ChainInfo{
				Blocks: int64(len(chain) - 1), BestBlockHash: chain.hash(first[i]), Time: chain[len(chain)-1], MedianTime: chain.medianTime(),
			}}
		}
	}
	return nodes
}

// pass runs the parts of a pass that mining depends on, with the status that it writes, and returns the time until the next.
func (w *miningWorld) pass() time.Duration {
	requeues := w.fake.requeues()
	now := time.Now()
	nodes := w.nodes()
	sides := sidesOf(nodes, w.desired)
	in := &policyInputs{now: now, nodes: nodes, chains: compareTips(tipsOf(nodes), func(tip, tip) (bool, bool) { return false, true })}
	in.lastBlock = lastBlockTime(&w.network.Status, nodes, sides, w.state.lastPass.ended, now)
	in.mining = w.client.mine(w.t.Context(), w.network, w.state, miningInputs{now, nodes, sides, w.joined, in.lastBlock})
	status := *w.network.Status.DeepCopy()
	setNodeStatuses(&status, w.network.Name, nodes)
	setHeight(&status, in, false)
	status.LastBlockTime = in.lastBlock
	conditionSet{mining: evaluateMining(w.network, in)}.setIn(&status.Conditions, w.network.Generation)
	w.report(status)
	w.network.Status = status
	synctest.Wait()
	w.state.lastPass.ended = time.Now()
	if w.fake.requeues() > requeues {
		return 0
	}
	if in.mining.wait == 0 {
		return 5 * time.Second
	}
	return min(in.mining.wait, 5*time.Second)
}

// report records the condition when it has changed, and its events.
func (w *miningWorld) report(status v1.BitcoinNetworkStatus) {
	for _, t := range miningTransitions(w.network.Status.Conditions, status) {
		w.events = append(w.events, t.Reason)
	}
	text := "none"
	for _, c := range status.Conditions {
		if c.Type == v1.ConditionMining {
			text = c.Reason + ": " + c.Message
		}
	}
	if len(w.reports) == 0 || w.reports[len(w.reports)-1] != text {
		w.reports = append(w.reports, text)
	}
}

// run passes for this long, and restarts the operator at this interval; 0 for never.
func (w *miningWorld) run(duration, restartEvery time.Duration) {
	end, restart := time.Now().Add(duration), time.Now().Add(restartEvery)
	for time.Now().Before(end) {
		if restartEvery > 0 && !time.Now().Before(restart) {
			restart = restart.Add(restartEvery)
			w.restart()
		}
		time.Sleep(min(w.pass(), time.Until(end)))
	}
}

// gaps are the times between the blocks of the operator, to the second.
func (w *miningWorld) gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(w.mined); i++ {
		gaps = append(gaps, w.mined[i].at.Sub(w.mined[i-1].at).Round(time.Second))
	}
	return gaps
}

func (w *miningWorld) miners() []int {
	var miners []int
	for _, b := range w.mined {
		miners = append(miners, b.node)
	}
	return miners
}

func every(interval time.Duration) v1.Mining {
	return v1.Mining{Interval: &metav1.Duration{Duration: interval}}
}

func keepAlive(age time.Duration) v1.Mining {
	return v1.Mining{KeepAlive: &metav1.Duration{Duration: age}}
}

// lineOf connects each of the nodes from first to last with the next.
func lineOf(first, last int) []topology.Edge {
	var edges []topology.Edge
	for i := first; i < last; i++ {
		edges = append(edges, topology.Edge{A: i, B: i + 1})
	}
	return edges
}
