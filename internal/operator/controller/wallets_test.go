package controller

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// walletNode answers the calls for wallets, and records which ones are loaded.
type walletNode struct {
	mu     sync.Mutex
	exist  []string
	loaded []string
	// calls are those of listwallets.
	calls int
	fault error
}

func (w *walletNode) handle(method string, params []any) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	switch method {
	case "listwallets":
		w.calls++
		return slices.Clone(w.loaded), nil
	case "listwalletdir":
		list := []map[string]string{}
		for _, name := range w.exist {
			list = append(list, map[string]string{"name": name})
		}
		return map[string]any{"wallets": list}, nil
	case "loadwallet":
		w.loaded = append(w.loaded, params[0].(string))
		return map[string]string{"name": params[0].(string)}, nil
	}
	return nil, fmt.Errorf("unexpected call %s", method)
}

// walletNodes are the nodes of a network with storage.
type walletNodes struct {
	fake    *fakeNodes
	client  *nodeClient
	shared  *sharedState
	network *v1.BitcoinNetwork
	nodes   []node
}

// newWalletNodes returns a node for each chain, of which those with wallets have started and answer the calls for them.
func newWalletNodes(t *testing.T, chains []string, wallets map[int]*walletNode) *walletNodes {
	t.Helper()
	w := &walletNodes{fake: newFakeNodes(), shared: newSharedState(), network: testNetwork(v1.BitcoinNetworkSpec{Storage: &v1.Storage{}})}
	w.client, w.nodes = w.fake.client(t), withAddresses(onChains(chains...))
	for ordinal, answers := range wallets {
		w.fake.answer(ordinal, answers.handle)
		w.shared.startProbe(w.nodes[ordinal].process())
	}
	return w
}

// load is what a reconcile does, in a network that is to have these connections.
func (w *walletNodes) load(t *testing.T, desired ...topology.Edge) {
	t.Helper()
	w.client.loadWallets(t.Context(), w.network, w.shared, w.nodes, sidesOf(w.nodes, desired), time.Now())
}

func TestTheWalletsOfAStartedNodeAreLoadedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		wallets := &walletNode{exist: []string{"savings", "", "loaded"}, loaded: []string{"loaded"}}
		w := newWalletNodes(t, []string{"a"}, map[int]*walletNode{0: wallets})
		load := func() {
			w.load(t)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		load()
		if want := []string{"loaded", "savings", ""}; !slices.Equal(wallets.loaded, want) {
			t.Errorf("loaded %q, want %q", wallets.loaded, want)
		}
		// A user unloads one.
		wallets.loaded = []string{"loaded"}
		load()
		if wallets.calls != 1 || len(wallets.loaded) != 1 {
			t.Errorf("%d calls, loaded %q", wallets.calls, wallets.loaded)
		}
		restarted := w.nodes[0].pod.DeepCopy()
		restarted.Status.ContainerStatuses[0].ContainerID = "after a restart"
		w.nodes[0].pod = restarted
		w.shared.startProbe(w.nodes[0].process())
		load()
		if wallets.calls != 2 || len(wallets.loaded) != 3 {
			t.Errorf("after a restart: %d calls, loaded %q", wallets.calls, wallets.loaded)
		}
	})
}

func TestTheWalletsOfANodeThatDoesNotAnswerAreTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWalletNodes(t, []string{"a", "a"}, map[int]*walletNode{0: {}, 1: {fault: errFake}})
		w.fake.kill(0)
		for range 10 {
			w.load(t)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if got := w.shared.nodes[w.nodes[0].key()]; got.wallets != maxWalletAttempts || got.loading {
			t.Errorf("%d attempts at a node that cannot be reached", got.wallets)
		}
		if got := w.fake.calls()[1]; got != 1 {
			t.Errorf("%d attempts at a node that has no wallets", got)
		}
	})
}

// A wallet that is loaded while its node gets blocks that the wallet knew misses coins.
func TestTheWalletsOfANodeThatMayGetBlocksWait(t *testing.T) {
	behind := func(n *node) { n.answer.chain.Blocks-- }
	knowsHeaders := func(n *node) { n.answer.chain.Headers = n.answer.chain.Blocks + 1 }
	for name, test := range map[string]struct {
		change    func(nodes []node)
		apart     bool
		wantAfter time.Duration
	}{
		"all have the same chain":               {},
		"it is ahead":                           {change: func(nodes []node) { behind(&nodes[1]) }},
		"it is behind":                          {change: func(nodes []node) { behind(&nodes[0]) }, wantAfter: walletsWait},
		"it is behind the other side":           {change: func(nodes []node) { behind(&nodes[0]) }, apart: true},
		"it knows headers of more blocks":       {change: func(nodes []node) { knowsHeaders(&nodes[0]) }, wantAfter: walletsWait},
		"the other one does not answer":         {change: func(nodes []node) { nodes[1].answer = nil }, wantAfter: walletsWait},
		"one of the other side does not answer": {change: func(nodes []node) { nodes[1].answer = nil }, apart: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				wallets := &walletNode{exist: []string{"savings"}}
				w := newWalletNodes(t, []string{"a", "a"}, map[int]*walletNode{0: wallets})
				if test.change != nil {
					test.change(w.nodes)
				}
				desired := []topology.Edge{{A: 0, B: 1}}
				if test.apart {
					desired = nil
				}
				started := time.Now()
				for time.Since(started) < time.Minute && len(wallets.loaded) == 0 {
					w.load(t, desired...)
					synctest.Wait()
					if len(wallets.loaded) == 0 {
						time.Sleep(time.Second)
					}
				}
				if waited := time.Since(started); waited != test.wantAfter {
					t.Errorf("loaded after %v, want %v", waited, test.wantAfter)
				}
			})
		})
	}
}

// A network may be ready while a node is one block behind, or while its wallets are tried again.
func TestWalletsThatWaitAreLoadedWhenTheNetworkIsReady(t *testing.T) {
	ready := []metav1.Condition{{Type: v1.ConditionReady, Status: metav1.ConditionTrue, LastTransitionTime: metav1.Unix(1_000_000_000, 0)}}
	for name, test := range map[string]struct {
		answersFirst, readyFirst bool
		want                     int
	}{
		"of a node that was one block behind":       {answersFirst: true, want: 1},
		"of a node that did not answer":             {want: 1},
		"not of one that another operator has seen": {answersFirst: true, readyFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				wallets := &walletNode{exist: []string{"savings"}}
				w := newWalletNodes(t, []string{"a", "aa"}, map[int]*walletNode{0: wallets})
				pass := func() {
					w.load(t, topology.Edge{A: 0, B: 1})
					synctest.Wait()
				}
				if !test.answersFirst {
					w.nodes[0].answer = nil
				}
				if test.readyFirst {
					w.network.Status.Conditions = ready
				}
				pass()
				w.network.Status.Conditions = ready
				w.nodes[0].answer = w.nodes[1].answer
				pass()
				if got := len(wallets.loaded); got != test.want {
					t.Errorf("%d wallets are loaded, want %d", got, test.want)
				}
			})
		})
	}
}

func TestTheWalletsOfANodeThatGetsBlocksAreLoadedInTheEnd(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		height    int64
		complete  bool
		wantAfter time.Duration
	}{
		"when it has the blocks that there were at first":      {height: 1030, complete: true, wantAfter: 30 * second},
		"when it has those that nodes had after the wait":      {height: 1005, wantAfter: walletsWait},
		"when nodes that do not answer may have more of them":  {height: 1040, wantAfter: 40 * second},
		"after five minutes, when it lacks a thousand of them": {height: 2000, complete: true, wantAfter: walletsLimit},
	} {
		shared := newSharedState()
		pod := withAddresses(onChains("a"))[0].pod
		shared.startProbe((&node{pod: pod}).process())
		started, waited := time.Unix(1000, 0), time.Duration(0)
		load := func() bool {
			blocks := int64(waited/second) + 1000
			known := knownHeight{test.height, test.complete}
			if test.complete {
				known.height += int64(waited / second) // others mine
			}
			return shared.startWallets((&node{pod: pod}).key(), bitcoind.ChainInfo{BestBlockHash: fmt.Sprint(blocks), Blocks: blocks}, known, started.Add(waited))
		}
		for waited < 2*walletsLimit && !load() {
			waited += second
		}
		if waited != test.wantAfter {
			t.Errorf("%s: loaded after %v, want %v", name, waited, test.wantAfter)
		}
	}
}

func TestTheNumberOfWalletsThatAreLoadedIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake, wallets := newFakeNodes(), &walletNode{exist: make([]string, maxLoadedWallets+5)}
		for i := range wallets.exist {
			wallets.exist[i] = fmt.Sprint("w", i)
		}
		fake.answer(0, wallets.handle)
		nodes := withAddresses(onChains("a"))
		client := fake.client(t)
		if err := client.loadAllWallets(t.Context(), client.endpoint(testNetwork(v1.BitcoinNetworkSpec{}), &nodes[0])); err != nil || len(wallets.loaded) != maxLoadedWallets {
			t.Errorf("%d are loaded, %v", len(wallets.loaded), err)
		}
	})
}

func TestWhichNodesMayHaveWallets(t *testing.T) {
	started := time.Unix(1000, 0)
	ready := func(status metav1.ConditionStatus, since int64) []metav1.Condition {
		return []metav1.Condition{{Type: v1.ConditionReady, Status: status, LastTransitionTime: metav1.Unix(since, 0)}}
	}
	for name, test := range map[string]struct {
		storage    *v1.Storage
		restarts   int32
		conditions []metav1.Condition
		now        int64
		want       bool
	}{
		"with storage":    {storage: &v1.Storage{}, want: true},
		"without storage": {},
		"without storage, after a restart in the same pod": {restarts: 1, want: true},
		"another operator has seen it ready":               {storage: &v1.Storage{}, conditions: ready(metav1.ConditionTrue, 1001)},
		"another operator has just seen it ready":          {storage: &v1.Storage{}, conditions: ready(metav1.ConditionTrue, 1001), now: 1059, want: true},
		"in the same second":                               {storage: &v1.Storage{}, conditions: ready(metav1.ConditionTrue, 1000)},
		"restarted while no operator ran":                  {storage: &v1.Storage{}, conditions: ready(metav1.ConditionTrue, 999), want: true},
		"not ready since then":                             {storage: &v1.Storage{}, conditions: ready(metav1.ConditionFalse, 1001), want: true},
	} {
		network := testNetwork(v1.BitcoinNetworkSpec{Storage: test.storage})
		network.Status.Conditions = test.conditions
		pod := withAddresses(onChains("a"))[0].pod
		pod.Status.ContainerStatuses[0].RestartCount = test.restarts
		pod.Status.ContainerStatuses[0].State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started)}
		now := time.Unix(2000, 0)
		if test.now > 0 {
			now = time.Unix(test.now, 0)
		}
		if got := mayHaveWallets(network, &node{pod: pod}, now); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
