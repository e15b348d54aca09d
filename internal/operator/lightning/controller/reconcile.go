package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// minBackoff and maxBackoff bound the time between two passes while something is missing.
	minBackoff = 250 * time.Millisecond
	maxBackoff = 2 * time.Second
	// maxRetryInterval bounds the time between two requests that the API server does not carry out.
	maxRetryInterval = 30 * time.Second
)

// Reconciler reconciles LightningNetworks.
type Reconciler struct {
	client client.Client
	// live reads from the API server, bypassing the cache.
	live       client.Reader
	recorder   events.EventRecorder
	options    Options
	states     *stateStore
	retries    *backoff.Retries
	agents     *api.Client
	rpc        *bitcoind.Client
	background *background
	miners     miners
}

// Reconcile runs one pass over a network.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if r.options.Fence.Check() != nil {
		return ctrl.Result{RequeueAfter: lease.Recheck}, nil
	}
	var network v1.LightningNetwork
	exists, err := passes.Read(ctx, r.client, req.NamespacedName, &network, func() {
		r.states.Forget(req.NamespacedName)
		r.retries.Reset(req.NamespacedName)
	})
	if err != nil || !exists {
		return ctrl.Result{}, err
	}
	state := r.states.of(&network)
	state.restoreStatus(&network)
	if state.generation != network.Generation {
		// Another specification is another attempt.
		state.generation, state.retryAt, state.held = network.Generation, time.Time{}, nil
		r.retries.Reset(req.NamespacedName)
	}
	result, err := r.pass(ctx, &network, state)
	return r.next(state, result, err)
}

// next is when the next pass starts.
func (r *Reconciler) next(state *networkState, result passResult, err error) (ctrl.Result, error) {
	wait, now := result.wait, r.options.Now()
	switch {
	case err != nil || result.rejected:
		retryIn := r.retries.Failed(state.key, wait)
		state.retryAt = now.Add(retryIn)
		wait = min(wait, retryIn)
	case state.held != nil:
		wait = min(wait, state.retryAt.Sub(now))
	default:
		r.retries.Reset(state.key)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(wait, time.Millisecond)}, nil
}

// passResult is what decides when the next pass starts.
type passResult struct {
	wait time.Duration
	// rejected is true when the API server has rejected an object in this pass.
	rejected bool
}

// observed is what a pass has read.
type observed struct {
	bitcoin  *v1.BitcoinNetwork
	existing map[string]client.Object
	pods     []corev1.Pod
	nodes    []node
	bitcoins map[int]*bitcoinNode
}

// pass brings a network one step nearer to its specification and reports its status.
func (r *Reconciler) pass(ctx context.Context, network *v1.LightningNetwork, state *networkState) (passResult, error) {
	started, busy := r.options.Now(), state.shared.inProgress()
	o, err := r.read(ctx, network)
	if err != nil {
		return passResult{wait: maxRetryInterval}, errors.Join(err, r.reportFailure(ctx, network, state, err))
	}
	if ctx.Err() != nil {
		// The operator is being stopped, and did not wait for the answers.
		return passResult{wait: maxRetryInterval}, nil
	}
	now := r.options.Now()
	state.shared.keepRecent(now)
	in := r.planInputs(network, state, o, now)
	in.Nodes = planned(network, o.nodes)
	state.shared.inputs(in, busy, started)
	decided := plan.New(in)
	reported := r.reportOf(network, state, o, in, &decided)
	marks := maps.Clone(decided.Marks)
	if reported.plan.Marks[plan.MarkBehind] {
		marks[plan.MarkBehind] = true
	}
	if _, withBitcoin := o.bitcoinNode(0); !withBitcoin {
		marks[markWithoutBitcoin] = true
	}
	objects := r.applyObjects(ctx, network, state, o, decided.Keep)
	if r.passesByItself(state, &objects) {
		return passResult{wait: maxRetryInterval}, objects.failed
	}
	// Marks are of plans that are carried out.
	state.mark(marks, now)
	state.shared.await(&decided, now)
	r.setBackends(network, o, in.Failures)
	r.handOver(ctx, network, o, state, in)
	(&actions{r, network, o.bitcoin, state, o.nodes, o.bitcoins}).start(ctx, &decided)
	return r.report(ctx, network, state, reported, objects, &decided, now)
}

// report writes the status, and returns when the next pass starts.
func (r *Reconciler) report(ctx context.Context, network *v1.LightningNetwork, state *networkState, reported report, objects appliedObjects, decided *plan.Plan, now time.Time) (passResult, error) {
	wanted, nodes := int(network.Spec.Nodes), reported.nodes
	policies := &policyInputs{
		now: now, network: network.Spec.BitcoinNetwork, secret: network.Spec.Secret, bitcoin: reported.bitcoin, objects: objects, nodes: nodes[:wanted], leaving: nodes[wanted:], bitcoins: reported.bitcoins,
	}
	if since, ok := state.since[markWithoutBitcoin]; ok {
		policies.withoutBitcoin = now.Sub(since)
	}
	conditions, recheck := evaluate(policies, reported.plan)
	claims.Report(&conditions.Derived, v1.LightningReasonStorageNotExpanded, r.growClaims(ctx, network, state, objects.set, nodes, now))
	status := buildStatus(network, policies, reported.plan, conditions)
	err := r.writeStatus(ctx, network, status, state)

	wait := r.options.PollInterval
	if !conditions.Ready.Met {
		wait = state.backoff.Next(progressOf(network, &status, decided), minBackoff, maxBackoff)
	}
	for _, due := range []time.Duration{decided.RecheckIn, reported.plan.RecheckIn, reported.recheck, recheck} {
		if due > 0 {
			wait = min(wait, due)
		}
	}
	if !objects.held {
		err = errors.Join(objects.failed, err)
	}
	return passResult{wait, objects.rejected != nil && !objects.held}, err
}

// passesByItself reports whether a write failed that most likely succeeds in the next pass, which comes at once: that is not reported the
// first time.
func (r *Reconciler) passesByItself(state *networkState, objects *appliedObjects) bool {
	if r.retries.NumRequeues(ctrl.Request{NamespacedName: state.key}) > 0 || objects.held || !apply.PassesByItself(objects.failed) {
		return false
	}
	state.held = nil
	return true
}

// markWithoutBitcoin is set while there is no BitcoinNetwork, or it has no nodes.
const markWithoutBitcoin = "without bitcoin"

// bitcoinNode is the ordinal of the bitcoind of a node.
func (o *observed) bitcoinNode(i int) (int, bool) {
	if i >= len(o.nodes) {
		return 0, true // no node needs one
	}
	return o.nodes[i].bitcoin, o.nodes[i].bitcoin >= 0
}

// read observes everything: the objects from the cache, and the nodes by their agents.
func (r *Reconciler) read(ctx context.Context, network *v1.LightningNetwork) (*observed, error) {
	o := &observed{bitcoin: &v1.BitcoinNetwork{}}
	err := r.client.Get(ctx, types.NamespacedName{Namespace: network.Namespace, Name: network.Spec.BitcoinNetwork}, o.bitcoin)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the BitcoinNetwork: %w", err)
	}
	if err != nil || !o.bitcoin.DeletionTimestamp.IsZero() {
		o.bitcoin = nil
	}
	if o.existing, err = r.existingObjects(ctx, network); err != nil {
		return nil, fmt.Errorf("list the objects of the network: %w", err)
	}
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, objectsOf(network)...); err != nil {
		return nil, fmt.Errorf("list the pods of the network: %w", err)
	}
	o.pods = pods.Items
	o.nodes = nodesOf(network, o.bitcoin, setOf(network, o.existing), pods.Items)
	setExposed(network, o.existing, o.nodes)
	used := map[int]bool{}
	for i := range o.nodes {
		if o.nodes[i].bitcoin >= 0 {
			used[o.nodes[i].bitcoin] = true
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.bitcoins = r.bitcoinNodes(ctx, o.bitcoin, used)
	}()
	r.observe(ctx, network, o.nodes)
	<-done
	return o, nil
}

func (r *Reconciler) planInputs(network *v1.LightningNetwork, state *networkState, o *observed, now time.Time) *plan.Inputs {
	timeout := v1.DefaultCloseTimeout
	if network.Spec.CloseTimeout != nil {
		timeout = network.Spec.CloseTimeout.Duration
	}
	in := &plan.Inputs{
		Now: now, UID: string(network.UID), BitcoinNetwork: network.Spec.BitcoinNetwork, Wanted: int(network.Spec.Nodes), Desired: plan.Desired(&network.Spec),
		Bitcoins: map[int]plan.Bitcoin{}, Forked: o.bitcoin != nil && isForked(o.bitcoin), Previous: network.Status.Channels,
		WasSynced: meta.IsStatusConditionTrue(network.Status.Conditions, v1.LightningConditionSynced), CloseTimeout: timeout, Since: state.since,
	}
	var minedTo map[int]int64
	if o.bitcoin != nil {
		minedTo = state.shared.minedHeights(o.bitcoin.UID, now)
	}
	for ordinal, b := range o.bitcoins {
		b.MinedTo = minedTo[ordinal]
		in.Bitcoins[ordinal] = b.Bitcoin
	}
	return in
}

// evaluate returns the conditions, and the time until one of them changes by itself.
func evaluate(in *policyInputs, decided *plan.Plan) (conditions conditionSet, recheck time.Duration) {
	ready := nodesReadyPolicies.Evaluate(in)
	var stalled *condition.Result
	if !ready.Met && isStalled(ready.Reason) {
		if recheck = in.stalledIn(ready); recheck == 0 {
			stalled = &ready
		}
	} else if ready.Met {
		stalled = decided.Stalled
	}
	whenMet := condition.True(v1.LightningReasonReady, "all nodes are ready and have the chain, and all channels are active at both ends")
	if ready.Reason == v1.LightningReasonNoNodes {
		whenMet = ready
	}
	observed := []condition.Result{ready, decided.Synced, decided.Funded, decided.ChannelsActive}
	return conditionSet{nodesReady: ready, synced: decided.Synced, funded: decided.Funded, channelsActive: decided.ChannelsActive,
		Derived: condition.Derive(whenMet, observed, stalled)}, recheck
}

// progressOf describes how far a network has come, for the backoff.
func progressOf(network *v1.LightningNetwork, status *v1.LightningNetworkStatus, decided *plan.Plan) string {
	started := 0
	for i := range status.Nodes {
		if status.Nodes[i].PubKey != "" {
			started++
		}
	}
	states := map[v1.LightningChannelState]int{}
	for i := range status.Channels {
		states[status.Channels[i].State]++
	}
	reasons := ""
	for i := range status.Conditions {
		reasons += status.Conditions[i].Reason + " "
	}
	return fmt.Sprint(network.Generation, started, status.ReadyNodes, states, reasons, decided.Mine != nil, decided.Known)
}
