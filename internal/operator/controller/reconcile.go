package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/passes"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Reconciler reconciles BitcoinNetworks.
type Reconciler struct {
	client client.Client
	// live reads from the API server, bypassing the cache.
	live         client.Reader
	recorder     events.EventRecorder
	settings     resources.Settings
	budgets      bool
	pollInterval time.Duration
	now          func() time.Time
	// fence is that of the operator.
	fence *lease.Fence

	states  *stateStore
	retries *backoff.Retries
	nodes   *nodeClient
}

// Reconcile runs one pass over a network.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if r.fence.Check() != nil {
		return ctrl.Result{RequeueAfter: lease.Recheck}, nil
	}
	var network v1.BitcoinNetwork
	exists, err := passes.Read(ctx, r.client, req.NamespacedName, &network, func() {
		r.states.Forget(req.NamespacedName)
		r.retries.Reset(req.NamespacedName)
	})
	if err != nil || !exists {
		return ctrl.Result{}, err
	}
	state := r.states.of(&network)
	state.restoreStatus(&network)
	defer func() {
		// The work queue's controller logs the panic.
		if cause := recover(); cause != nil {
			_ = r.reportFailure(ctx, &network, state, fmt.Errorf("panic: %v", cause)) // of which there is no way to report
			panic(cause)
		}
	}()
	pods, err := r.listPods(ctx, &network)
	if err != nil {
		return ctrl.Result{}, r.reportFailure(ctx, &network, state, fmt.Errorf("list the pods of the network: %w", err))
	}
	if gap := state.lastPass.gap(r.now(), countRunning(pods)); gap > 0 {
		return ctrl.Result{RequeueAfter: gap}, nil
	}
	if state.generation != network.Generation {
		// Another specification is another attempt.
		state.generation, state.retryAt = network.Generation, time.Time{}
		r.retries.Reset(req.NamespacedName)
	}
	started := r.now()
	result, err := r.pass(ctx, &network, state, started)
	ended := r.now()
	state.lastPass = lastPass{ended: ended, took: ended.Sub(started), pods: result.pods, ready: result.requeue.ready}
	return r.next(state, ended, result, err)
}

// next is when the next pass starts.
func (r *Reconciler) next(state *networkState, now time.Time, result passResult, err error) (ctrl.Result, error) {
	wait := maxRetryInterval
	if result.observed {
		wait = requeueAfter(&state.backoff, result.requeue, r.pollInterval)
	}
	switch {
	case err != nil || result.rejected:
		retryIn := r.retries.Failed(state.key, wait)
		state.retryAt = now.Add(retryIn)
		wait = min(wait, retryIn)
	case state.held != nil || state.statusFailed:
		wait = min(wait, max(state.retryAt.Sub(now), time.Millisecond))
	default:
		r.retries.Reset(state.key)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// passResult is what decides when the next pass starts.
type passResult struct {
	// observed is false when the pass failed before it observed the nodes; the fields below are not set then.
	observed bool
	// rejected is true when the API server has rejected an object in this pass.
	rejected bool
	pods     int
	requeue  requeueInputs
}

// pass brings a network one step nearer to its specification and reports its status. Each phase has the results of the earlier
// ones as its inputs. A write of an object that fails ends no pass: the nodes still are connected, mine and are reported.
func (r *Reconciler) pass(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, started time.Time) (passResult, error) {
	objects, err := r.applyObjects(ctx, network, state, started)
	if err != nil {
		return passResult{}, r.reportFailure(ctx, network, state, fmt.Errorf("read the objects of the network: %w", err))
	}
	if apply.PassesByItself(objects.failed) && r.retries.NumRequeues(ctrl.Request{NamespacedName: state.key}) == 0 {
		state.held = nil
		return passResult{}, objects.failed
	}
	// Once more, since the objects may have taken their time.
	pods, err := r.listPods(ctx, network)
	if err != nil {
		return passResult{}, r.reportFailure(ctx, network, state, fmt.Errorf("list the pods of the network: %w", err))
	}
	found := nodesOf(network.Name, objects.groups, objects.sets, pods)
	all, staying := slices.Concat(found.desired, objects.departing), len(found.desired)
	state.shared.keepOnly(keysOf(all))
	state.shared.keepPods(podUIDs(all))
	all, now := r.nodes.probeNodes(ctx, network, state, all)
	if ctx.Err() != nil {
		// The operator is being stopped, and did not wait for the answers.
		return passResult{}, nil
	}
	nodes := all[:staying]
	r.nodes.pushTargets(ctx, network, state, objects.targets, nodes)
	chains := r.nodes.compareChains(ctx, network, state.shared.slots, nodes)
	state.resumeSettling(network, staying, now)
	connections := r.nodes.connect(ctx, network, state.shared, all, staying, now)
	r.recordRemovedByHand(network, all, connections.removedByHand)
	if len(objects.departing) > 0 && r.decideScaleDown(ctx, network, state, all, staying, now) {
		objects.recheckIn = time.Millisecond
	}
	r.nodes.flush(ctx, network, state.shared, nodes, volumesOf(&state.claims, network.Spec.Storage, objects.sets), now)
	r.nodes.restartSync(ctx, network, state, nodes, connections, chains, now)
	state.rollouts.proceed(rolloutInputs{now, objects.groups, objects.sets, nodes, connections.desired, chains})
	sides := sidesOf(nodes, connections.desired)
	r.nodes.loadWallets(ctx, network, state.shared, nodes, sides, now)
	lastBlock := lastBlockTime(&network.Status, nodes, sides, state.lastPass.ended, now)
	mining := r.nodes.mine(ctx, network, state, miningInputs{now, nodes, sides, connections.joined, lastBlock})

	in := &policyInputs{
		now: now, objects: objects, nodes: nodes, leaving: found.leaving, leavingNodes: state.shared.leavingNodes(nodes), connections: connections, chains: chains, lastBlock: lastBlock, mining: mining,
	}
	synced, since, syncRecheck := graceSynced(syncedPolicies.Evaluate(in), in, network.Status.Conditions, state.unsyncedSince, now)
	state.unsyncedSince = since
	conditions := deriveConditions(nodesReadyPolicies.Evaluate(in), connectedPolicies.Evaluate(in), synced, in.stalledIn()).
		withRejectedClaims(r.growClaims(ctx, network, state, objects.sets, nodes, now))
	conditions.mining = evaluateMining(network, in)
	status := buildStatus(network, in, conditions)
	err = r.updateStatus(ctx, network, status, chains, state)
	if !objects.held {
		err = errors.Join(objects.failed, err)
	}
	return passResult{observed: true, rejected: objects.rejected != nil && !objects.held, pods: countPods(objects.groups), requeue: requeueInputs{
		held: objects.rejected != nil || objects.failed != nil, ready: conditions.Ready.Met, progress: progressOf(network.Generation, in),
		nextBlock: mining.wait, settling: connections.settling, syncRecheck: syncRecheck, objectsRecheck: objects.recheckIn, stalledRecheck: in.stalledIn(),
		missRecheck: recheckMissed(nodes),
	}}, err
}
