package page

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/live"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// simulated is a network that exists only as the values of a page.
type simulated struct {
	t     *testing.T
	store *state.Store
	// lightning has the Lightning networks on it, none at first.
	lightning *state.Store
	name      string
	nodes     int
	peers     map[int][]int32
	height    int64

	mu      sync.Mutex
	done    []Action
	visible []int32
	viewed  map[string]int
	// grace is how long what a page began continues without its stream; 0 for the usual time.
	grace time.Duration
	// answer carries out an action; paused are the nodes that one cuts from the network at the moment.
	answer func(ctx context.Context, action Action, report func(string)) (string, error)
	paused map[int]bool
}

// newSimulated has a number of nodes with a number of edges between them, the same for each run.
func newSimulated(t *testing.T, nodes, edges int) *simulated {
	s := &simulated{t: t, store: state.New(), lightning: state.New(), name: "net", nodes: nodes, peers: map[int][]int32{}, height: 100, viewed: map[string]int{}, paused: map[int]bool{}}
	s.answer = func(_ context.Context, a Action, _ func(string)) (string, error) { return "done " + a.Kind, nil }
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	join := func(a, b int) bool {
		if a == b || slices.Contains(s.peers[a], int32(b)) { //nolint:gosec // small
			return false
		}
		s.peers[a] = append(s.peers[a], int32(b)) //nolint:gosec // small
		s.peers[b] = append(s.peers[b], int32(a)) //nolint:gosec // small
		return true
	}
	count := 0
	for i := range nodes {
		if join(i, (i+1)%nodes) {
			count++
		}
	}
	for count < edges {
		if join(random.IntN(nodes), random.IntN(nodes)) {
			count++
		}
	}
	s.store.Set("page", map[string]any{"namespace": "default"})
	s.publish()
	return s
}

func (s *simulated) network() view.Network {
	topology := "Random"
	if s.nodes <= 8 {
		topology = "Ring"
	}
	edges := int32(0)
	for _, list := range s.peers {
		edges += int32(len(list)) //nolint:gosec // small
	}
	return view.Network{
		Name: s.name, Topology: topology, Nodes: s.nodes, Ready: int32(s.nodes), Height: s.height, Tips: 1, //nolint:gosec // small
		Connections: edges / 2, Desired: int(edges) / 2, State: "Ready", Good: true, Edges: true,
	}
}

func (s *simulated) node(i int) view.Node {
	return view.Node{
		Ordinal: i, Pod: fmt.Sprintf("%s-sts-%d", s.name, i), Ready: true, Peers: int32(len(s.peers[i])), //nolint:gosec // small
		Version: "/Satoshi:29.4.3/", Peered: v1.NewOrdinals(s.peers[i]), Wanted: v1.NewOrdinals(s.peers[i]),
	}
}

func (s *simulated) publish() {
	s.store.Set(view.NetworkKey(s.name), s.network())
	for i := range s.nodes {
		s.store.Set(view.NodeKey(s.name, i), s.node(i))
		s.tip(i, 0)
		s.store.Set(view.MempoolKey(s.name, i), live.Mempool{Size: int64(i % 7), Bytes: int64(i%7) * 141})
	}
}

func (s *simulated) hash() string { return fmt.Sprintf("%064x", s.height*7919+0x5eed<<40) }

func (s *simulated) tip(i, branch int) {
	s.store.Set(view.TipKey(s.name, i), view.Tip{Hash: s.hash(), Height: s.height, Branch: branch, Heard: true})
}

// mine lets a block travel from a node to all others, each after its neighbour.
func (s *simulated) mine(ctx context.Context, from int, pause time.Duration) {
	s.height++
	s.store.Set(view.NetworkKey(s.name), s.network())
	reached, queue := map[int]bool{from: true}, []int{from}
	for len(queue) > 0 && ctx.Err() == nil {
		at := queue[0]
		queue = queue[1:]
		s.tip(at, 0)
		s.store.Moment(live.Arrival{Network: s.name, Node: at, Hash: s.hash(), Height: s.height, Time: time.Now().UnixMilli()})
		for _, next := range s.peers[at] {
			if !reached[int(next)] {
				reached[int(next)] = true
				queue = append(queue, int(next))
			}
		}
		wait(ctx, pause)
	}
}

func wait(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// View implements Backend, as the other methods do.
func (s *simulated) View(network string) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewed[network]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.viewed[network]--
	}
}

func (s *simulated) Visible(_ string, ordinals []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visible = ordinals
}

func (s *simulated) Log(ctx context.Context, network string, node int, to func(string) error) error {
	if node >= s.nodes {
		return fmt.Errorf("the network %s has no node %d", network, node)
	}
	for i := range 5 {
		if err := to(fmt.Sprintf("line %d of node %d <img src=x onerror=alert(1)>", i, node)); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func (s *simulated) Do(ctx context.Context, action Action, report func(string)) (string, error) {
	s.mu.Lock()
	s.done = append(s.done, action)
	s.mu.Unlock()
	return s.answer(ctx, action, report)
}

// pauses makes a pause last until its page ends it, as one of ten minutes does.
func (s *simulated) pauses(ctx context.Context, action Action, report func(string)) (string, error) {
	if action.Kind != "pause" {
		return "done " + action.Kind, nil
	}
	set := func(paused bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.paused[action.Node] = true; !paused {
			delete(s.paused, action.Node)
		}
	}
	set(true)
	defer set(false)
	report(fmt.Sprintf("node %d is cut", action.Node))
	<-ctx.Done()
	return "", ctx.Err()
}

// cut is how many nodes are paused.
func (s *simulated) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.paused)
}

func (s *simulated) actions() []Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}

const testToken = "the-token-of-the-test"

// serve serves the page, and returns its address without the token.
func (s *simulated) serve() string {
	var config net.ListenConfig
	listener, err := config.Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.serveOn(listener)
}

func (s *simulated) serveOn(listener net.Listener) string {
	pages := &Server{Store: s.store, Lightning: s.lightning, Backend: s, Token: testToken, Host: listener.Addr().String(), heartbeat: 200 * time.Millisecond, visits: visits{grace: s.grace}}
	// A browser connects before it has a request, and on a busy machine sends it seconds later.
	server := &http.Server{Handler: pages.Handler(), ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(listener); err != nil && !strings.Contains(err.Error(), "closed") {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(func() { server.Close(); pages.Close(context.Background()) }) //nolint:errcheck // the test has ended
	return "http://" + listener.Addr().String()
}
