package backend

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
)

const (
	// maxNamespaces are watched at the same time.
	maxNamespaces = 64
	// idleTimeout is how long a namespace is watched after its last viewer has gone, who may only reload the page.
	idleTimeout = time.Minute
)

// Namespaces watches those that pages show, once each, however many pages there are. It reads networks and events, and no node.
type Namespaces struct {
	// Client reaches the API server; its namespace does not matter.
	Client *cluster.Client
	// Only are the namespaces that can be watched; empty means all.
	Only []string
	// WithoutLightning leaves the Lightning networks out: nobody runs them, and the account may have no right to them.
	WithoutLightning bool
	// Failed is called with the reason why a namespace cannot be watched.
	Failed func(error)

	idleTimeout, rereadTime time.Duration
	// limit and total are maxBytes and maxTotal but in tests.
	limit, total int

	mu   sync.Mutex
	open map[string]*namespace
}

type namespace struct {
	stores  page.Stores
	viewers int
	// ready is closed when the first lists have arrived, or err is set.
	ready  chan struct{}
	err    error
	cancel context.CancelFunc
	idle   *time.Timer
	// since is when the last viewer has gone.
	since time.Time
	// bytes is what it needs in memory, or at least needs while it arrives, and exceed ends its watch because of that.
	bytes   int
	arrives bool
	exceed  func()
	// seek watches the Lightning networks, if that was not possible before and now is.
	seek func()
}

// Open implements page.Values.
func (n *Namespaces) Open(ctx context.Context, name string) (page.Stores, func(), error) {
	if len(n.Only) > 0 && !slices.Contains(n.Only, name) {
		return page.Stores{}, nil, &page.Denied{Code: http.StatusForbidden, Reason: fmt.Sprintf("this page does not show namespace %q", name)}
	}
	watched := n.enter(name)
	if watched == nil {
		return page.Stores{}, nil, &page.Denied{Code: http.StatusTooManyRequests, Reason: "networks of too many namespaces are watched: the page tries again"}
	}
	end := sync.OnceFunc(func() { n.leave(name, watched) })
	select {
	case <-watched.ready:
	case <-ctx.Done():
		end()
		return page.Stores{}, nil, ctx.Err()
	}
	if watched.err != nil {
		end()
		return page.Stores{}, nil, watched.err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if watched.seek != nil {
		watched.seek()
	}
	return watched.stores, end, nil
}

// enter counts a viewer of a namespace, and begins to watch it with the first one; nil if there are too many namespaces.
func (n *Namespaces) enter(name string) *namespace {
	n.mu.Lock()
	defer n.mu.Unlock()
	if watched := n.open[name]; watched != nil {
		watched.viewers++
		if watched.idle != nil {
			watched.idle.Stop()
		}
		return watched
	}
	if len(n.open) >= maxNamespaces && !n.endIdle() {
		return nil
	}
	if n.open == nil {
		n.open = map[string]*namespace{}
	}
	ctx, cancel := context.WithCancel(context.Background()) // of all viewers, and of none
	watched := &namespace{stores: page.Stores{Networks: state.New(), Lightning: state.New()}, viewers: 1, ready: make(chan struct{}), cancel: cancel}
	n.open[name] = watched
	go n.run(ctx, name, watched)
	return watched
}

func (n *Namespaces) leave(name string, watched *namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if watched.viewers--; watched.viewers > 0 {
		return
	}
	after := n.idleTimeout
	if after == 0 {
		after = idleTimeout
	}
	watched.since = time.Now()
	watched.idle = time.AfterFunc(after, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if watched.viewers == 0 {
			n.end(name, watched)
		}
	})
}

// endIdle makes place for another namespace: it ends the one whose last viewer went first, and reports whether there is one. The caller holds
// the lock.
func (n *Namespaces) endIdle() bool {
	oldest := ""
	for name, watched := range n.open {
		if watched.viewers == 0 && (oldest == "" || watched.since.Before(n.open[oldest].since)) {
			oldest = name
		}
	}
	if oldest == "" {
		return false
	}
	n.end(oldest, n.open[oldest])
	return true
}

func (n *Namespaces) forget(name string, watched *namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.end(name, watched)
}

// end stops to watch a namespace. The caller holds the lock.
func (n *Namespaces) end(name string, watched *namespace) {
	watched.cancel()
	if n.open[name] == watched {
		delete(n.open, name)
	}
}
