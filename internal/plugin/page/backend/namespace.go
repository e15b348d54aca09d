package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/live"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/watch"
)

const (
	// maxBytes is what the networks and events of one namespace may need in memory, and maxTotal those of all. Each tenant can write as many as
	// he likes, so the namespace that is too large, or the largest one, is not shown.
	maxBytes = 8 << 20
	maxTotal = 32 << 20
	// rereadTime is how long such a namespace is not read again.
	rereadTime = time.Minute
)

// run watches a namespace until the context ends. One that is too large is read again after a time: something may have been deleted.
func (n *Namespaces) run(ctx context.Context, name string, watched *namespace) {
	isReady := sync.OnceFunc(func() { close(watched.ready) })
	defer isReady()
	b := &Backend{store: watched.stores.Networks, Lightning: watched.stores.Lightning, page: Page{Namespace: name}}
	for wasReady := false; ; wasReady = true {
		err := n.watch(ctx, b, watched, isReady)
		if ctx.Err() != nil {
			return
		}
		n.counted(watched, 0, true, nil) // of a watch that has ended nothing is left but what is shown
		tooLarge := errors.Is(err, watch.ErrTooLarge)
		if n.Failed(err); !tooLarge && !wasReady {
			watched.err = err
			n.forget(name, watched)
			return
		}
		if !tooLarge {
			b.fails(err)
		} else {
			b.hide(fmt.Sprintf("the networks and events of namespace %q need more memory than this page has for them, %d MiB for one namespace and %d MiB for all: "+
				"delete those that nobody needs; the page tries again by itself", name, n.bound()>>20, cmp.Or(n.total, maxTotal)>>20))
			isReady()
		}
		if cluster.Sleep(ctx, cmp.Or(n.rereadTime, rereadTime)) != nil {
			return
		}
	}
}

func (n *Namespaces) bound() int { return cmp.Or(n.limit, maxBytes) }

// watch watches a namespace until its end.
func (n *Namespaces) watch(ctx context.Context, b *Backend, watched *namespace, isReady func()) error {
	client := *n.Client
	client.Namespace = b.page.Namespace
	chains := live.NewChains(b.store)
	watcher := &watch.Watcher{
		Cluster: &client, WithoutPods: true, Store: b.store, Changed: chains.Report, Removed: chains.Forget, Limit: n.bound(), Kept: chains.Bytes,
		Lightning: b.Lightning, WithoutLightning: n.WithoutLightning,
	}
	watcher.Served = func(isWatched bool, lacks *cluster.MissingRight) {
		reason := ""
		if lacks != nil {
			reason = fmt.Sprintf("the service account of the page has no right to %s %s in namespace %q: an administrator of the cluster can give it",
				lacks.Verb, lacks.Resource, lacks.Namespace)
		}
		if b.served(isWatched, reason) && lacks != nil {
			n.Failed(fmt.Errorf("the Lightning networks of namespace %s are not shown: with the service account of the page, %w", client.Namespace, lacks))
		}
	}
	watcher.Counted = func(bytes int, all bool) { n.counted(watched, bytes, all, watcher.Exceed) }
	lacks := func(err error) error {
		return fmt.Errorf("namespace %s cannot be watched with the service account of the page: %w", client.Namespace, err)
	}
	watcher.Reachable = func(err error, since time.Time) {
		if b.stale(staleForViewers(err, since)) {
			n.Failed(lacks(err))
		}
	}
	missing, err := watcher.Start(ctx)
	if err == nil && len(missing) > 0 {
		watcher.Exceed()
		<-watcher.Ended()
		err = errors.New(missing[0])
	}
	if err != nil {
		return lacks(err)
	}
	b.shows()
	n.mu.Lock()
	watched.seek = watcher.Seek
	n.mu.Unlock()
	isReady()
	<-watcher.Ended()
	return lacks(watch.ErrTooLarge)
}

// counted takes over what a namespace needs in memory, and whether that is all. When all need too much, the largest one is not shown. While some
// arrive, one that is complete is not known to be the largest: all may need the memory of one more until they are complete.
func (n *Namespaces) counted(watched *namespace, bytes int, all bool, exceed func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	watched.bytes, watched.arrives, watched.exceed = bytes, !all, exceed
	largest, total, arrive := watched, 0, false
	for _, other := range n.open {
		arrive = arrive || other.arrives
		if total += other.bytes; other.bytes > largest.bytes {
			largest = other
		}
	}
	over := total - cmp.Or(n.total, maxTotal)
	if over <= 0 {
		return
	}
	if arrive && !largest.arrives {
		if over <= n.bound() {
			return
		}
		if watched.arrives {
			largest = watched
		}
	}
	if largest.exceed != nil {
		largest.bytes = 0
		largest.exceed()
	}
}

// staleForViewers is why values are old.
func staleForViewers(err error, since time.Time) *Stale {
	stale := staleBy(err, since)
	if stale != nil {
		stale.Reason = forViewers(stale.Kind, err)
	}
	return stale
}

// forViewers is the reason why values are old. What the API server answers is not for viewers, and its addresses even less.
func forViewers(kind string, err error) string {
	right, lacks := errors.AsType[*cluster.MissingRight](err)
	switch {
	case lacks:
		return fmt.Sprintf("the service account of the page has no right to %s %s in namespace %q any more: an administrator of the cluster can give it",
			right.Verb, right.Resource, right.Namespace)
	case kind == credentials:
		return "the API server does not accept the token of the page's service account any more: an administrator of the cluster can restart the page"
	}
	return "the API server of the cluster does not answer the page now"
}

// hide shows why a namespace is not shown, and nothing else.
func (b *Backend) hide(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page.TooLarge, b.page.Stale = reason, nil
	b.store.Replace("", map[string]any{"page": b.page})
	b.Lightning.Replace("", nil)
}

// fails shows why a namespace of which nothing is shown cannot be read again.
func (b *Backend) fails(err error) {
	stale := staleForViewers(err, time.Time{})
	b.change(func(p *Page) { p.TooLarge, p.Stale, b.failed = "", stale, stale })
}

// shows ends the reason why nothing is shown.
func (b *Backend) shows() {
	b.change(func(p *Page) {
		if p.TooLarge = ""; p.Stale == b.failed {
			p.Stale = nil
		}
		b.failed = nil
	})
}
