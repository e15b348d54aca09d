package controller

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	pollInterval time.Duration
	now          func() time.Time

	states *stateStore
	nodes  *nodeClient
}

// Reconcile runs one pass over a network.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var network v1.BitcoinNetwork
	if err := r.client.Get(ctx, req.NamespacedName, &network); err != nil {
		if apierrors.IsNotFound(err) {
			r.states.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, err
	}
	if !network.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	state := r.states.of(&network)
	pods, err := r.listPods(ctx, &network)
	if err != nil {
		return ctrl.Result{}, err
	}
	if gap := state.lastPass.gap(r.now(), countRunning(pods)); gap > 0 {
		return ctrl.Result{RequeueAfter: gap}, nil
	}
	state.restoreStatus(&network)
	started := r.now()
	result, err := r.pass(ctx, &network, state, started)
	ended := r.now()
	state.lastPass = lastPass{ended: ended, took: ended.Sub(started), nodes: result.nodes, ready: result.requeue.ready}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: state.backoff.requeueAfter(result.requeue, r.pollInterval)}, nil
}

// passResult is what decides when the next pass starts; the zero value if the pass failed before it observed the nodes.
type passResult struct {
	nodes   int
	requeue requeueInputs
}

// pass brings a network one step nearer to its specification and reports its status. Each phase has the results of the earlier
// ones as its inputs. A pass that fails before the status reports nothing: the status stays, and the work queue tries again.
func (r *Reconciler) pass(ctx context.Context, network *v1.BitcoinNetwork, state *networkState, started time.Time) (passResult, error) {
	objects, err := r.applyObjects(ctx, network, state, started)
	if err != nil {
		return passResult{}, fmt.Errorf("apply the objects of the network: %w", err)
	}
	// Once more, since the objects may have taken their time.
	pods, err := r.listPods(ctx, network)
	if err != nil {
		return passResult{}, fmt.Errorf("list the pods of the network: %w", err)
	}
	found := nodesOf(objects.groups, objects.sets, pods)
	state.shared.keepOnly(found.podUIDs())
	nodes, now := r.nodes.probeNodes(ctx, network, state, found.desired)
	chains := r.nodes.compareChains(ctx, network, nodes)
	connections := r.nodes.connect(ctx, network, state.shared, nodes, now)
	state.rollouts.proceed(rolloutInputs{now, objects.groups, objects.sets, nodes, connections.desired, chains})
	nextBlock := r.nodes.mine(ctx, network, state, nodes, connections.desired, now)

	in := &policyInputs{now: now, objects: objects, nodes: nodes, leaving: found.leaving, connections: connections, chains: chains}
	synced, since, syncRecheck := graceSynced(syncedPolicies.evaluate(in), in, network.Status.Conditions, state.unsyncedSince, now)
	state.unsyncedSince = since
	conditions := deriveConditions(nodesReadyPolicies.evaluate(in), connectedPolicies.evaluate(in), synced, in.stalledIn())
	status := buildStatus(network, in, conditions)
	err = r.updateStatus(ctx, network, status, chains, state)
	return passResult{nodes: len(nodes), requeue: requeueInputs{
		rejected: objects.rejected != nil, ready: conditions.ready.met, progress: progressOf(network.Generation, in),
		nextBlock: nextBlock, settling: connections.settling, syncRecheck: syncRecheck, objectsRecheck: objects.recheckIn, stalledRecheck: in.stalledIn(),
	}}, err
}
