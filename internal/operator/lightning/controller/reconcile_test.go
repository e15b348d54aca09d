package controller

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// reconcileTest reconciles the network ln, of one LND and with a clock of its own, on a BitcoinNetwork of one bitcoind.
type reconcileTest struct {
	*Reconciler
	bitcoind *bitcoindtest.Node
	lnd      *lightningtest.LND
	events   *events.FakeRecorder
	clock    time.Time
	// answer replaces that of the agent to requests for its state; nil for its own.
	answer atomic.Pointer[http.HandlerFunc]
	// backends are the requests with a backend so far, and writes the patches of the status.
	backends atomic.Int32
	writes   int
}

var (
	keyOfLN     = client.ObjectKey{Namespace: "ns", Name: "ln"}
	requestOfLN = ctrl.Request{NamespacedName: keyOfLN}
)

// newReconcileTest has a network that is ready.
func newReconcileTest(t *testing.T) *reconcileTest {
	t.Helper()
	r := &reconcileTest{events: events.NewFakeRecorder(100), clock: time.Now()}
	bitcoin := r.startNodes(t)
	network := &v1.LightningNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ln", UID: "ln-uid", Generation: 1}, Spec: v1.LightningNetworkSpec{Nodes: 1, BitcoinNetwork: "net"},
	}
	agent := r.serveAgent(t)
	credential := func(name string) BitcoinCredential {
		return BitcoinCredential{Current: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{User: name, Password: name} }}
	}
	apiServer := r.fakeAPI(t, bitcoin, network)
	now := func() time.Time { return r.clock }
	r.Reconciler = &Reconciler{
		client: apiServer, live: apiServer, recorder: r.events, states: newStateStore(), retries: backoff.NewRetries(minBackoff, maxRetryInterval),
		agents: api.NewClient(agent), rpc: bitcoind.NewClient(nil, nil), background: &background{now: now, requeue: func(types.NamespacedName) {}},
		options: Options{
			Settings: resources.Settings{Image: "lnd:1", Credential: func(n *v1.LightningNetwork) bitcoind.Credential {
				return bitcoind.DeriveCredential([]byte("key"), string(n.UID))
			}},
			Operator: credential("operator"), LND: credential("lightning"), Now: now, PollInterval: 5 * time.Second,
		},
	}
	r.pass(t, 0)
	r.startPod(t)
	for began := time.Now(); !r.isReady(t); r.pass(t, time.Second) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not ready within 30s: %+v", r.network(t).Status.Conditions)
		}
	}
	r.forgetNews()
	return r
}

// startNodes starts a bitcoind with one block, and an LND on it.
func (r *reconcileTest) startNodes(t *testing.T) *v1.BitcoinNetwork {
	t.Helper()
	nodes := bitcoindtest.New()
	node, err := nodes.StartAnywhere(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop(node.Address) })
	if _, err := node.Call("generatetoaddress", 1, "x"); err != nil {
		t.Fatal(err)
	}
	r.bitcoind = node
	r.lnd = lightningtest.New().Start(func() (blocks []lightningtest.Block, answers bool) {
		for _, b := range node.Chain() {
			blocks = append(blocks, lightningtest.Block{Hash: b.Hash, Time: b.Time, Script: b.Script})
		}
		return blocks, true
	})
	r.lnd.ForgetBackend()
	tip := node.Chain()[0]
	mined := metav1.NewTime(time.Unix(tip.Time, 0))
	bitcoin := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net", UID: "net-uid", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	bitcoin.Status = v1.BitcoinNetworkStatus{ObservedGeneration: 1, ReadyNodes: 1, LastBlockTime: &mined, Nodes: []v1.NodeStatus{
		{Ready: true, IP: node.Address, PodName: "net-sts-0", RPCPort: v1.RPCPort, Blocks: 1, BestBlockHash: tip.Hash},
	}}
	bitcoin.Status.Conditions = []metav1.Condition{{Type: v1.ConditionNodesReady, Status: metav1.ConditionTrue, Reason: v1.ReasonReady}}
	return bitcoin
}

// serveAgent returns the dial function to the agent of the LND.
func (r *reconcileTest) serveAgent(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	handle := r.lnd.Handler(func(string, string) bool { return true }, func(api.Backend) error { return nil })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		answer := r.answer.Load()
		switch {
		case request.URL.Path == api.BackendPath:
			r.backends.Add(1)
		case request.URL.Path == api.StatePath && answer != nil:
			(*answer)(w, request)
			return
		}
		handle.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
}

// answers replaces the answer of the agent to requests for its state; nil restores it.
func (r *reconcileTest) answers(answer http.HandlerFunc) {
	if answer == nil {
		r.answer.Store(nil)
		return
	}
	r.answer.Store(&answer)
}

// fakeAPI fails requests whose context has ended, as the API server's client does.
func (r *reconcileTest) fakeAPI(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1.AddToScheme} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(kinds).WithObjects(objects...).WithReturnManagedFields().
		WithStatusSubresource(&v1.BitcoinNetwork{}, &v1.LightningNetwork{}, &corev1.Pod{}, &appsv1.StatefulSet{})
	for _, kind := range []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}} {
		builder.WithIndex(kind, indexNetwork, func(object client.Object) []string { return []string{resources.NetworkOf(object.GetLabels())} })
	}
	return builder.WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return next.List(ctx, list, options...)
		},
		SubResourcePatch: func(ctx context.Context, next client.Client, subresource string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			r.writes++
			return next.SubResource(subresource).Patch(ctx, object, patch, options...)
		},
	}).Build()
}

// startPod creates the pod of the LND, which is ready, as the StatefulSet's controller does.
func (r *reconcileTest) startPod(t *testing.T) {
	t.Helper()
	set := &appsv1.StatefulSet{}
	if err := r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: resources.ObjectName("ln")}, set); err != nil {
		t.Fatal(err)
	}
	set.Status.ObservedGeneration, set.Status.Replicas = set.Generation, 1
	pod := runningPod()
	pod.ObjectMeta = metav1.ObjectMeta{Namespace: "ns", Name: resources.PodName("ln", 0), UID: "pod-uid", Labels: resources.Labels("ln")}
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	status := pod.Status.DeepCopy()
	if err := r.client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status = *status
	for _, object := range []client.Object{set, pod} {
		if err := r.client.Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// pass runs a pass some time after the last one, and waits for its actions.
func (r *reconcileTest) pass(t *testing.T, after time.Duration) ctrl.Result {
	t.Helper()
	r.clock = r.clock.Add(after)
	result, err := r.Reconcile(t.Context(), requestOfLN)
	if err != nil {
		t.Fatal(err)
	}
	r.background.actions.Wait()
	return result
}

func (r *reconcileTest) network(t *testing.T) *v1.LightningNetwork {
	t.Helper()
	network := &v1.LightningNetwork{}
	if err := r.client.Get(t.Context(), keyOfLN, network); err != nil {
		t.Fatal(err)
	}
	return network
}

func (r *reconcileTest) isReady(t *testing.T) bool {
	t.Helper()
	return meta.IsStatusConditionTrue(r.network(t).Status.Conditions, v1.LightningConditionReady)
}

// reason of NodesReady.
func (r *reconcileTest) reason(t *testing.T) string {
	t.Helper()
	return meta.FindStatusCondition(r.network(t).Status.Conditions, v1.LightningConditionNodesReady).Reason
}

// changeBitcoin changes the status of the BitcoinNetwork.
func (r *reconcileTest) changeBitcoin(t *testing.T, change func(*v1.BitcoinNetwork)) {
	t.Helper()
	bitcoin := &v1.BitcoinNetwork{}
	if err := r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net"}, bitcoin); err != nil {
		t.Fatal(err)
	}
	change(bitcoin)
	status := bitcoin.Status.DeepCopy()
	if err := r.client.Update(t.Context(), bitcoin); err != nil {
		t.Fatal(err)
	}
	bitcoin.Status = *status
	if err := r.client.Status().Update(t.Context(), bitcoin); err != nil {
		t.Fatal(err)
	}
}

func (r *reconcileTest) forgetNews() {
	r.writes = 0
	for len(r.events.Events) > 0 {
		<-r.events.Events
	}
}

// noNews fails if the status was written or an event was recorded.
func (r *reconcileTest) noNews(t *testing.T, when string) {
	t.Helper()
	if r.writes > 0 || len(r.events.Events) > 0 {
		event := ""
		if len(r.events.Events) > 0 {
			event = <-r.events.Events
		}
		t.Errorf("%s: %d patches of the status, event %q, conditions %+v", when, r.writes, event, r.network(t).Status.Conditions)
	}
	r.forgetNews()
}
