package snapshot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

const (
	// parallel is how many nodes get blocks at the same time.
	parallel = 16
	// maxEarly is how many of them are called before their pods have an address. The kubelet reports it up to a second after bitcoind has
	// started, and each call before the start is in vain.
	maxEarly = parallel / 2
)

// beginnings are the pods with whose nodes the restorer has not begun.
type beginnings struct {
	foreign map[types.UID]bool
	mu      sync.Mutex
	// waiting are the nodes by their pods, early is how many of them were called early.
	waiting map[string][]noderef.Node
	early   int
}

// of are the nodes with which to begin, when the pod may be called now.
func (b *beginnings) of(pod *corev1.Pod) []noderef.Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	nodes := b.waiting[pod.Name]
	if pod.DeletionTimestamp != nil || b.foreign[pod.UID] {
		return nil
	}
	if pod.Status.PodIP == "" {
		if pod.Spec.NodeName == "" || b.early+len(nodes) > maxEarly {
			return nil
		}
		b.early += len(nodes)
	}
	delete(b.waiting, pod.Name)
	return nodes
}

// missing is "" when no pod is waited for.
func (b *beginnings) missing() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return ""
	}
	return fmt.Sprintf("%d pods have not started, such as %s", len(b.waiting), slices.Min(slices.Collect(maps.Keys(b.waiting))))
}

// restoreAll begins with each node when its pod starts, before the operator knows that it is ready.
func (r *Restorer) restoreAll(ctx context.Context, nodes []noderef.Node) error {
	b := &beginnings{foreign: r.Foreign, waiting: map[string][]noderef.Node{}}
	for _, node := range nodes {
		pod := noderef.At(node.Pod).Pod
		b.waiting[pod] = append(b.waiting[pod], node)
	}
	group, working := errgroup.WithContext(ctx)
	following, end := context.WithCancel(working)
	defer end()
	// Not the limit of the group, whose Go blocks: the wait for the others would end meanwhile.
	slots := make(chan struct{}, parallel)
	group.Go(func() error {
		return r.Cluster.FollowPods(following, r.Network.Name, func(pod *corev1.Pod) {
			for _, node := range b.of(pod) {
				r.pods[node.Ordinal] = pod.UID
				group.Go(func() error {
					select {
					case slots <- struct{}{}:
						defer func() { <-slots }()
						return r.restore(working, node)
					case <-working.Done():
						return working.Err()
					}
				})
			}
		})
	})
	waited := r.Cluster.Wait(working, r.limit, fmt.Sprintf("the start of all %d nodes", len(nodes)), func(context.Context) (string, error) {
		return b.missing(), nil
	})
	end()
	if err := group.Wait(); err != nil {
		return err
	}
	return waited
}

// Unchanged returns an error when the pod of a node is not the one that got its blocks and wallets.
func (r *Restorer) Unchanged(ctx context.Context) error {
	pods, err := r.Cluster.NetworkPods(ctx, r.Network.Name)
	if err != nil {
		return err
	}
	now := map[string]types.UID{}
	for i := range pods.Items {
		now[pods.Items[i].Name] = pods.Items[i].UID
	}
	var replaced []int
	for _, node := range noderef.Nodes(r.Network) {
		if now[noderef.At(node.Pod).Pod] != r.pods[node.Ordinal] {
			replaced = append(replaced, node.Ordinal)
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	r.complete = slices.DeleteFunc(r.complete, func(ordinal int) bool { return slices.Contains(replaced, ordinal) })
	return fmt.Errorf("the pods of the nodes %s were replaced meanwhile", noderef.Ranges(replaced))
}
