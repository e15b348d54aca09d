package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/live"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networksfake "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

const limit30s = 30 * time.Second

// world is a cluster with one network of three nodes.
type world struct {
	t        *testing.T
	networks *networksfake.Clientset
	core     *fake.Clientset
	store    *state.Store
	// lightning has the values of Lightning networks.
	lightning *state.Store
	client    *cluster.Client

	mu    sync.Mutex
	calls []string
}

func newWorld(t *testing.T) *world {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}, Spec: v1.BitcoinNetworkSpec{Nodes: 3}}
	for i := range int32(3) {
		network.Status.Nodes = append(network.Status.Nodes, v1.NodeStatus{Ordinal: i, Ready: true, BestBlockHash: strings.Repeat("a", 64), Blocks: 7})
	}
	network.Status.Nodes[0].ConnectedWith = "1-2"
	w := &world{t: t, networks: networksfake.NewClientset(network), core: fake.NewClientset(), store: state.New()}
	for i := range 3 {
		w.pod(fmt.Sprint("net-sts-", i))
	}
	w.client = &cluster.Client{
		Namespace: "ns", Networks: w.networks, Core: w.core, Pods: w, Poll: time.Millisecond,
		Forward: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no port") },
	}
	return w
}

func (w *world) pod(name string) {
	_, err := w.core.CoreV1().Pods("ns").Create(w.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{resources.LabelName: resources.NameValue, resources.LabelManagedBy: resources.ManagedByValue, resources.LabelInstance: "net"}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Exec implements cluster.Executor: every node has seven transactions.
func (w *world) Exec(_ context.Context, _, pod string, command []string, _ io.Reader, out, _ io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, pod+" "+command[2])
	_, err := fmt.Fprintln(out, `{"size": 7, "bytes": 1000}`)
	return err
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// eventually waits until a value has a text in it; with an empty text, until it does not exist.
func (w *world) eventually(key, want string) {
	w.t.Helper()
	w.in(w.store, key, want)
}

// in is eventually for one of the stores.
func (w *world) in(store *state.Store, key, want string) {
	w.t.Helper()
	testtools.Eventually(w.t, key+" to have "+want, limit30s, func() error {
		delta, _, _ := store.Since("")
		if got, exists := delta.Set[key]; !strings.Contains(string(got), want) || exists != (want != "") {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

func TestThePageFollowsTheCluster(t *testing.T) {
	w := newWorld(t)
	b, err := Start(t.Context(), w.client, "", w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.eventually("network/net", `"nodes":3`)
	w.eventually("node/net/0", `"peered":"1-2"`)
	w.eventually("tip/net/2", `"height":7`)
	w.eventually("page", `"namespace":"ns"`)
	if err := w.core.CoreV1().Pods("ns").Delete(t.Context(), "net-sts-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.eventually("node/net/1", `"ready":false,"problem":"its pod does not exist"`)
	w.pod("net-sts-1")
	w.eventually("node/net/1", `"ready":true`)
	event := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e", UID: "e"}, InvolvedObject: corev1.ObjectReference{Kind: "BitcoinNetwork", Name: "net"}, Reason: "Ready"}
	if _, err := w.core.CoreV1().Events("ns").Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.eventually("event/e", `"reason":"Ready"`)
	// Nodes are called only while a page shows them.
	if n := w.count(); n != 0 {
		t.Errorf("%d calls without a page", n)
	}
	end := b.View("net")
	w.eventually("mempool/net/0", `"size":7`)
	end()
	if err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Delete(t.Context(), "net", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"network/net", "node/net/0", "tip/net/0", "mempool/net/0"} {
		w.eventually(key, "")
	}
	if _, err := b.Do(t.Context(), page.Action{Kind: "heal", Network: "net"}, nil); err == nil || !strings.Contains(err.Error(), "does not exist any more") {
		t.Errorf("an action on a deleted network: %v", err)
	}
}

func TestMissingRightsAreNamedAndTheRestIsShown(t *testing.T) {
	w := newWorld(t)
	w.core.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		resource := action.GetResource().Resource
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "eve" cannot list resource`))
	})
	if _, err := Start(t.Context(), w.client, "net", w.store); err != nil {
		t.Fatal(err)
	}
	w.eventually("page", `no right to list and watch events in namespace`)
	w.eventually("page", `no right to list and watch pods in namespace`)
	w.eventually("node/net/1", `"ready":true`)
	if _, err := Start(t.Context(), w.client, "other", state.New()); err == nil || !strings.Contains(err.Error(), "has no network other") {
		t.Errorf("a network that does not exist: %v", err)
	}
}

// Without the right to watch, an informer would try for ever.
func TestTheRightToListAndWatchANetworkIsNeeded(t *testing.T) {
	for _, verb := range []string{"list", "watch"} {
		w := newWorld(t)
		err := apierrors.NewForbidden(schema.GroupResource{Resource: "bitcoinnetworks"}, "", errors.New(`User "eve" cannot `+verb+` resource`))
		w.networks.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return verb == "list", nil, err })
		w.networks.PrependWatchReactor("*", func(clienttesting.Action) (bool, apiwatch.Interface, error) { return verb == "watch", nil, err })
		ctx, cancel := context.WithTimeout(t.Context(), limit30s)
		_, failed := Start(ctx, w.client, "net", w.store)
		cancel()
		if failed == nil || !strings.Contains(failed.Error(), "no right to list and watch bitcoinnetworks") {
			t.Errorf("without %s: %v", verb, failed)
		}
	}
}

// The watch may be behind: what is healed is the network as it is now.
func TestHealEndsAPartitionOfWhichTheWatchHasNotHeard(t *testing.T) {
	w := newWorld(t)
	b, err := Start(t.Context(), w.client, "", w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.networks.PrependReactor("get", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns"}}
		network.Spec.Partitions = []v1.Partition{{Nodes: []int32{0}}}
		return true, network, nil
	})
	patched := false
	w.networks.PrependReactor("patch", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		patched = true
		return true, nil, errors.New("enough")
	})
	if _, err := b.Do(t.Context(), page.Action{Kind: "heal", Network: "net"}, nil); err == nil || !patched {
		t.Errorf("it ended with %v, and the partition was removed: %t", err, patched)
	}
}

// However many nodes there are, the number of calls is bounded, and all nodes get their turn.
func TestTheCallsOfNodesAreBounded(t *testing.T) {
	w := newWorld(t)
	b, err := Start(t.Context(), w.client, "", w.store)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	defer b.View("net")()
	defer b.View("net")()
	b.Visible("net", []int32{1})
	w.eventually("mempool/net/0", `"size":7`)
	w.eventually("mempool/net/2", `"size":7`)
	if n, most := w.count(), int(time.Since(started)/live.MempoolInterval)+1; n > most {
		t.Errorf("%d calls, and at most %d were to be", n, most)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls[0] != "net-sts-1 getmempoolinfo" {
		t.Errorf("the visible node is not the first one: %v", w.calls)
	}
}

func TestActionsAreCheckedBeforeTheyReachANode(t *testing.T) {
	w := newWorld(t)
	b, err := Start(t.Context(), w.client, "", w.store)
	if err != nil {
		t.Fatal(err)
	}
	for want, action := range map[string]page.Action{
		"the action \"delete\" does not exist":        {Kind: "delete", Network: "net"},
		"0 is not a number of blocks":                 {Kind: "mine", Network: "net"},
		"1001 is not a number of blocks":              {Kind: "mine", Network: "net", Blocks: 1001},
		"has no node 3":                               {Kind: "mine", Network: "net", Node: 3, Blocks: 1},
		"has no node -1":                              {Kind: "pause", Network: "net", Node: -1, Seconds: 1},
		"601 is not a number of seconds":              {Kind: "pause", Network: "net", Seconds: 601},
		"no side is named":                            {Kind: "partition", Network: "net"},
		`"0-9" names node 9, which does not exist`:    {Kind: "partition", Network: "net", Sides: []string{"0-9"}},
		"the network other does not exist any more":   {Kind: "mine", Network: "other", Blocks: 1},
		"your account has no right to patch bitcoinn": {Kind: "partition", Network: "net", Sides: []string{"0"}},
	} {
		w.networks.PrependReactor("patch", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "bitcoinnetworks"}, "", errors.New(`User "eve" cannot patch resource`))
		})
		if _, err := b.Do(t.Context(), action, nil); err == nil || !strings.Contains(err.Error(), want) {
			text, _ := json.Marshal(action) //nolint:errchkjson // for the message
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if w.count() != 0 {
		t.Errorf("nodes were called: %v", w.calls)
	}
}
