package controller

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A single missing answer is no outage: in what is reported, the last one replaces it for missLifetime after the first pass that misses it.
// The next pass then starts after missRecheck. The controller of BitcoinNetworks has the same times.
const (
	missLifetime = 2 * time.Second
	missRecheck  = time.Second
)

// lastAnswers are those of the nodes of a network, and of the bitcoinds that they use.
type lastAnswers struct {
	states   answers[*api.State]
	bitcoins answers[bitcoinAnswer]
}

// bitcoinAnswer is what a bitcoind answers, with the credential that it accepts.
type bitcoinAnswer struct {
	lnd bitcoind.Credential
	tip *plan.Tip
}

// answers by ordinal.
type answers[T any] map[int]*lastAnswer[T]

type lastAnswer[T any] struct {
	value T
	// of is the process that gave it.
	of string
	// missedAt is when a pass first missed a newer one; zero if none has.
	missedAt time.Time
}

func (a answers[T]) keep(ordinal int, of string, value T) {
	a[ordinal] = &lastAnswer[T]{value: value, of: of}
}

// keepOnly forgets the answers of nodes that are not asked any more.
func (a answers[T]) keepOnly(asked func(ordinal int) bool) {
	maps.DeleteFunc(a, func(ordinal int, _ *lastAnswer[T]) bool { return !asked(ordinal) })
}

// missed returns the last answer of a process that a pass has got no answer of, whether there is one, and whether it is recent.
func (a answers[T]) missed(ordinal int, of string, now time.Time) (value T, known, recent bool) {
	last := a[ordinal]
	if last == nil || last.of != of {
		return value, false, false
	}
	if last.missedAt.IsZero() {
		last.missedAt = now
	}
	return last.value, true, now.Sub(last.missedAt) < missLifetime
}

// report is what a pass reports: what it has observed and would do if the nodes whose answer is missing had answered as they did last. What
// it does depends on real answers only.
type report struct {
	*observed
	plan *plan.Plan
	// recheck is the time until the next pass, 0 when no answer is missing.
	recheck time.Duration
}

// reportOf a pass with this plan.
func (r *Reconciler) reportOf(network *v1.LightningNetwork, state *networkState, o *observed, in *plan.Inputs, decided *plan.Plan) report {
	last, shown := &state.last, *o
	shown.nodes, shown.bitcoins = slices.Clone(o.nodes), maps.Clone(o.bitcoins)
	missing := last.replaceStates(shown.nodes, in.Now)
	wasReady := meta.IsStatusConditionTrue(network.Status.Conditions, v1.LightningConditionReady)
	missed, busy := r.replaceBitcoins(last, &shown, wasReady, in.Now)
	if !missing && !missed && !busy {
		return report{o, decided, 0}
	}
	r.setBackends(network, &shown, in.Failures)
	inputs := *in
	inputs.Nodes, inputs.Bitcoins = slices.Clone(in.Nodes), maps.Clone(in.Bitcoins)
	for i := range inputs.Nodes {
		inputs.Nodes[i].State = shown.nodes[i].state
	}
	for ordinal, b := range shown.bitcoins {
		replaced := inputs.Bitcoins[ordinal]
		replaced.Tip = b.Tip
		inputs.Bitcoins[ordinal] = replaced
	}
	reported := plan.New(&inputs)
	result := report{observed: &shown, plan: &reported}
	if missing || missed {
		result.recheck = missRecheck
	}
	return result
}

// replaceStates keeps the complete states of LNDs that are active, and sets them where one is missing.
func (last *lastAnswers) replaceStates(nodes []node, now time.Time) (missing bool) {
	last.states.keepOnly(func(ordinal int) bool {
		return ordinal < len(nodes) && (nodes[ordinal].state != nil || nodes[ordinal].err != nil)
	})
	for i := range nodes {
		switch n := &nodes[i]; {
		case n.state != nil && isComplete(n.state):
			last.states.keep(i, processOf(n.pod), n.state)
		case n.err != nil || n.state != nil && lacksParts(n.state):
			if state, _, recent := last.states.missed(i, processOf(n.pod), now); recent {
				n.state, n.err, missing = state, nil, true
			}
		default:
			delete(last.states, i)
		}
	}
	return missing
}

// processOf identifies the container of LND in a pod.
func processOf(pod *corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == resources.ContainerName {
			return string(pod.UID) + " " + status.ContainerID
		}
	}
	return string(pod.UID)
}

// isComplete reports whether LND is active, and has answered everything.
func isComplete(s *api.State) bool {
	return s.Process == api.Running && s.LND == api.LNDActive && s.Info != nil && s.Wallet != nil && s.Peers != nil && s.Channels != nil && s.Graph != nil
}

// lacksParts reports whether LND has not answered everything, though nothing is known to keep it from that.
func lacksParts(s *api.State) bool {
	return s.Process == api.Running && (s.LND == "" || s.LND == api.LNDActive) && !isComplete(s)
}

// replaceBitcoins keeps the answers of bitcoinds, and sets them where one is missing. A bitcoind all of whose RPC threads are taken is ready
// for its BitcoinNetwork, which reports it as lost when it hangs: a network that was ready stays so meanwhile.
func (r *Reconciler) replaceBitcoins(last *lastAnswers, o *observed, wasReady bool, now time.Time) (missing, busy bool) {
	last.bitcoins.keepOnly(func(ordinal int) bool { return o.bitcoins[ordinal] != nil })
	for ordinal, n := range o.bitcoins {
		if n.Tip != nil {
			last.bitcoins.keep(ordinal, o.processOf(n), bitcoinAnswer{n.lnd, n.Tip})
			continue
		}
		if n.err == nil || errors.Is(n.err, errNoCredential) {
			delete(last.bitcoins, ordinal)
			continue
		}
		answer, known, recent := last.bitcoins.missed(ordinal, o.processOf(n), now)
		isBusy := wasReady && hasNoThread(n.err)
		switch at := o.bitcoin.Status.LastBlockTime; {
		case known && (recent || isBusy):
		case isBusy && at != nil: // it has not answered since the operator started
			answer = bitcoinAnswer{r.options.LND.Current(o.bitcoin), &plan.Tip{Height: n.status.Blocks, Hash: n.status.BestBlockHash, Time: at.Time}}
		default:
			continue
		}
		missing, busy = missing || !isBusy, busy || isBusy
		replaced := *n
		replaced.lnd, replaced.Tip, replaced.err = answer.lnd, answer.tip, nil
		o.bitcoins[ordinal] = &replaced
		raiseTip(o.bitcoins, &replaced)
	}
	return missing, busy
}

// raiseTip gives a bitcoind whose answer is missing the highest block of its side: nothing is known of it being behind the others.
func raiseTip(bitcoins map[int]*bitcoinNode, n *bitcoinNode) {
	for _, other := range bitcoins {
		if other.Side == n.Side && other.Tip != nil && other.Tip.Height > n.Tip.Height {
			n.Tip = other.Tip
		}
	}
}

// processOf identifies a bitcoind.
func (o *observed) processOf(n *bitcoinNode) string {
	return fmt.Sprint(o.bitcoin.UID, " ", n.status.PodName, " ", n.status.IP)
}

// hasNoThread reports whether an error is that of a bitcoind all of whose RPC threads may be taken by other calls.
func hasNoThread(err error) bool {
	unreachable, ok := errors.AsType[*bitcoind.UnreachableError](err)
	return ok && (unreachable.Timeout() || unreachable.QueueFull())
}
