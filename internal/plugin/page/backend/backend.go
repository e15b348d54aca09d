// Package backend connects the page with a cluster: what it shows, by watches and by the nodes themselves, and what a person does with it.
package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/logs"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/live"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/watch"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Page is the value with the key "page".
type Page struct {
	Namespace string `json:"namespace"`
	// Only is the name of the only network, if one was named.
	Only string `json:"only,omitempty"`
	// Missing are sentences about rights that the caller's account lacks.
	Missing []string `json:"missing,omitempty"`
	// Lightning is true while Lightning networks are watched, and NoLightning is why they are not though the cluster has them.
	Lightning   bool   `json:"lightning,omitempty"`
	NoLightning string `json:"noLightning,omitempty"`
	// Stale is set while the values may not be those of the cluster any more.
	Stale *Stale `json:"stale,omitempty"`
	// TooLarge is why the networks of the namespace are not shown.
	TooLarge string `json:"tooLarge,omitempty"`
}

// Stale is why values are old.
type Stale struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	// Since is when the API server last sent something, in milliseconds since 1970; 0 if it has not sent anything yet.
	Since int64 `json:"since,omitempty"`
}

// The kinds of reasons.
const (
	missingRight = "right"
	credentials  = "credentials"
	unreachable  = "unreachable"
)

// staleBy distinguishes what an administrator mends from what passes by itself.
func staleBy(err error, since time.Time) *Stale {
	if err == nil {
		return nil
	}
	stale := &Stale{Kind: unreachable, Reason: view.Text(err.Error())}
	if !since.IsZero() {
		stale.Since = since.UnixMilli()
	}
	if _, lacks := errors.AsType[*cluster.MissingRight](err); lacks {
		stale.Kind = missingRight
	} else if apierrors.IsUnauthorized(err) {
		stale.Kind = credentials
	}
	return stale
}

// Backend serves one namespace.
type Backend struct {
	*live.Nodes
	// Lightning has the values of the Lightning networks.
	Lightning *state.Store

	watcher *watch.Watcher
	store   *state.Store
	mu      sync.Mutex
	page    Page
	// failed is why nothing is shown. A request that succeeds does not end that: the others must too.
	failed *Stale
}

// Start watches the networks of the client's namespace, or the named one, until the context ends.
func Start(ctx context.Context, client *cluster.Client, name string, store *state.Store) (*Backend, error) {
	chains := live.NewChains(store)
	b := &Backend{Lightning: state.New(), store: store, page: Page{Namespace: client.Namespace, Only: name}}
	b.watcher = &watch.Watcher{
		Cluster: client, Name: name, Store: store, Changed: chains.Report, Removed: chains.Forget, Reachable: b.reachable,
		Lightning: b.Lightning,
		Served: func(watched bool, lacks *cluster.MissingRight) {
			reason := ""
			if lacks != nil {
				reason = lacks.Error()
			}
			b.served(watched, reason)
		},
	}
	missing, err := b.watcher.Start(ctx)
	if err != nil {
		return nil, err
	}
	for _, right := range missing {
		b.missing(right)
	}
	b.change(func(*Page) {})
	b.Nodes = &live.Nodes{Cluster: client, Store: store, Chains: chains, Network: b.watcher.Network, Missing: b.missing, Interval: live.MempoolInterval}
	go b.Run(ctx)
	return b, nil
}

func (b *Backend) change(apply func(*Page)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	apply(&b.page)
	b.store.Set("page", b.page)
}

func (b *Backend) missing(right string) {
	b.change(func(p *Page) {
		if !slices.Contains(p.Missing, right) {
			p.Missing = append(slices.Clone(p.Missing), right)
		}
	})
}

// served shows whether Lightning networks are watched, or why not, and reports whether that reason is another one than before.
func (b *Backend) served(watched bool, reason string) (changed bool) {
	b.change(func(p *Page) {
		changed = p.NoLightning != reason
		p.Lightning, p.NoLightning = watched, reason
	})
	return changed
}

// View is that of the nodes. A page that is opened, or opened again, shows Lightning networks if the cluster has them since the last one.
func (b *Backend) View(network string) (end func()) {
	b.watcher.Seek()
	return b.Nodes.View(network)
}

func (b *Backend) reachable(err error, since time.Time) { b.stale(staleBy(err, since)) }

// stale shows why values are old, or that they are not, and reports whether the kind of the reason is another one than before.
func (b *Backend) stale(now *Stale) (changed bool) {
	b.change(func(p *Page) {
		if now == nil && p.Stale == b.failed {
			return
		}
		changed = now != nil && (p.Stale == nil || p.Stale.Kind != now.Kind)
		p.Stale = now
	})
	return changed
}

// node finds a node by its ordinal.
func (b *Backend) node(network string, ordinal int) (*v1.BitcoinNetwork, noderef.Node, error) {
	object, err := b.watcher.Network(network)
	if err != nil {
		return nil, noderef.Node{}, err
	}
	nodes := noderef.Nodes(object)
	if ordinal < 0 || ordinal >= len(nodes) {
		return nil, noderef.Node{}, invalid.Errorf("the network %s has no node %d: its nodes are 0 to %d", network, ordinal, len(nodes)-1)
	}
	return object, nodes[ordinal], nil
}

// tail is how much of a log a page gets at the beginning.
const tail = 60

// Log implements page.Backend.
func (b *Backend) Log(ctx context.Context, network string, ordinal int, to func(string) error) error {
	object, node, err := b.node(network, ordinal)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := b.Cluster.Logs(ctx, node.Pod, object.Spec.NodesInPod(), corev1.PodLogOptions{Follow: true, TailLines: new(int64(tail))})
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // it was only read
	lines := make(chan logs.Line)
	ended := make(chan error, 1)
	go func() {
		_, err := logs.Read(ctx, stream, 0, time.Time{}, func(string) bool { return true }, lines)
		close(lines)
		ended <- err
	}()
	for line := range lines {
		if err := to(view.Text(line.Text)); err != nil {
			return err
		}
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("the log of %s ended: %w", node.Pod, err)
	}
	return nil
}
