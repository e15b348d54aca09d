//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Kinds of which the operator, or a controller for it, creates objects, as lists are named.
var (
	budgets = schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "PodDisruptionBudgetList"}
	kinds   = []schema.GroupVersionKind{
		{Version: "v1", Kind: "PodList"}, {Group: "apps", Version: "v1", Kind: "StatefulSetList"}, {Version: "v1", Kind: "ServiceList"},
		{Version: "v1", Kind: "PersistentVolumeClaimList"}, {Version: "v1", Kind: "ConfigMapList"}, budgets,
		{Group: "apps", Version: "v1", Kind: "ControllerRevisionList"},
	}
)

// namesOf are the names of the objects of a kind in the namespace.
func (r *run) namesOf(ctx context.Context, kind schema.GroupVersionKind) ([]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind)
	if err := r.Client.List(ctx, list, client.InNamespace(r.name)); err != nil {
		return nil, err
	}
	names := []string{}
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names, nil
}

// neededBy are the names of the objects that a network needs, by kind. What is not in it may have any.
func neededBy(spec v1.BitcoinNetworkSpec) map[string][]string {
	needed := map[string][]string{
		"PodList": {}, "PersistentVolumeClaimList": {},
		"StatefulSetList": {"net-sts"}, "ServiceList": {"net-svc"}, "ConfigMapList": {"net-config"},
	}
	if spec.NodesInPod() > 1 {
		needed["ConfigMapList"] = append(needed["ConfigMapList"], "net-slots")
	}
	for i := range podsOf(spec) {
		pod := fmt.Sprint("net-sts-", i)
		needed["PodList"] = append(needed["PodList"], pod)
		if spec.Storage != nil {
			needed["PersistentVolumeClaimList"] = append(needed["PersistentVolumeClaimList"], resources.ClaimName(pod))
		}
	}
	return needed
}

// nothingLeftOver checks that there is nothing but what the specification needs.
func (r *run) nothingLeftOver(ctx context.Context) error {
	net, err := r.get(ctx)
	if err != nil {
		return err
	}
	needed, errs := neededBy(net.Spec), []error{}
	for _, kind := range kinds {
		names, err := r.namesOf(ctx, kind)
		if err != nil {
			return err
		}
		want, exact := needed[kind.Kind]
		// A network has a budget when its pods are, or were a while ago, on several machines.
		if kind == budgets && len(names) > 0 {
			want, exact = []string{"net-pdb"}, true
		}
		if exact && !slices.Equal(names, want) {
			errs = append(errs, fmt.Errorf("the %s has %v, want %v", kind.Kind, names, want))
		}
	}
	return errors.Join(append(errs, r.onlyNeighboursAdded(ctx, net.Spec))...)
}

// onlyNeighboursAdded compares the nodes that each node connects with by itself with those of the specification. No node has more of them
// than bitcoind connects with.
func (r *run) onlyNeighboursAdded(ctx context.Context, spec v1.BitcoinNetworkSpec) error {
	ctx, cancel := r.pace.within(ctx, askTimeout)
	defer cancel()
	nodes, want := r.kubelet.nodes(int(spec.Nodes)), map[int][]string{}
	if len(nodes) != int(spec.Nodes) {
		return fmt.Errorf("%d nodes run, want %d", len(nodes), spec.Nodes)
	}
	for _, e := range desiredEdges(spec) {
		want[e.A], want[e.B] = append(want[e.A], nodes[e.B].listener()), append(want[e.B], nodes[e.A].listener())
	}
	var errs []error
	for i, n := range nodes {
		var list []struct{ AddedNode string }
		if err := n.call(ctx, "getaddednodeinfo", &list); err != nil {
			return fmt.Errorf("%s: %w", n.name(), err)
		}
		var added []string
		for _, entry := range list {
			added = append(added, withPort(entry.AddedNode))
		}
		slices.Sort(added)
		slices.Sort(want[i])
		if !slices.Equal(added, want[i]) {
			errs = append(errs, fmt.Errorf("%s has the added nodes %v, want %v", n.name(), added, want[i]))
		}
	}
	return errors.Join(errs...)
}

// podsOf is the number of pods that a network needs.
func podsOf(spec v1.BitcoinNetworkSpec) int {
	return (int(spec.Nodes) + spec.NodesInPod() - 1) / spec.NodesInPod()
}

// isDeleted deletes the network, and waits until the garbage collector and the controller of StatefulSets have left nothing of it.
func (r *run) isDeleted(ctx context.Context, t *testing.T) {
	t.Helper()
	net, err := r.get(ctx)
	must(t, err)
	must(t, r.Client.Delete(ctx, net))
	r.until(t, "the deleted network to leave nothing", recovery, func(ctx context.Context) error {
		if _, err := r.get(ctx); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("the network exists (%w)", err)
		}
		var errs []error
		for _, kind := range kinds {
			names, err := r.namesOf(ctx, kind)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				errs = append(errs, fmt.Errorf("the %s has %v", kind.Kind, names))
			}
		}
		if pods := len(r.kubelet.containers()); pods > 0 {
			errs = append(errs, fmt.Errorf("%d pods run", pods))
		}
		return errors.Join(errs...)
	})
}

// staysIdle checks that operators with nothing to do write nothing.
func (r *run) staysIdle(ctx context.Context, t *testing.T) {
	t.Helper()
	for range 10 {
		stops := r.pace.stopsSoFar()
		r.pace.sleep(ctx, 6*time.Second)
		from := r.pace.now()
		status, err := r.get(ctx)
		must(t, err)
		// A block that was due before mining was switched off may take until the end of its call.
		tips := r.ask(ctx, status).tips
		var before []int
		for _, o := range r.operators {
			before = append(before, len(o.written()))
		}
		r.pace.sleep(ctx, idle)
		if r.pace.stopsSoFar() > stops {
			// The operators have lost their lease, and nodes have not answered.
			continue
		}
		now, err := r.get(ctx)
		must(t, err)
		if after := r.ask(ctx, now).tips; !maps.Equal(tips, after) {
			r.note("the nodes were not idle: %v, then %v", tips, after)
			continue
		}
		if why := errors.Join(unsettled(status), unsettled(now)); why != nil || r.unsettledSince(from) {
			r.note("a node was busy: %v", why)
			continue
		}
		for i, o := range r.operators {
			if after := o.written(); len(after) != before[i] {
				wrote := strings.Join(after[before[i]:], ", ")
				r.fail("%s wrote when there was nothing to do: %s\n%s", o.name, wrote, cmp.Diff(status.Status, now.Status))
			}
		}
		return
	}
	r.fail("the run was not idle for long enough to see that operators are")
}

// unsettledSince reports whether a status since then was one that changes although nothing happens.
func (r *run) unsettledSince(from time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unsettled >= from
}
