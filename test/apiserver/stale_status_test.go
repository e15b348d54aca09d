package apiserver_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// heldPatches are the patches of a status by an operator, each of which waits until it is released.
type heldPatches struct {
	arrived, released chan struct{}
	open              chan struct{}
	once              sync.Once
}

func holdPatches(t *testing.T, op *apiserver.Operator, resource string) *heldPatches {
	t.Helper()
	h := &heldPatches{arrived: make(chan struct{}), released: make(chan struct{}), open: make(chan struct{})}
	op.API.Inject(apiserver.On("patch", resource+"/status"), apiserver.Fault{Before: func() {
		select {
		case h.arrived <- struct{}{}:
		case <-h.open:
			return
		}
		select {
		case <-h.released:
		case <-h.open:
		}
	}})
	t.Cleanup(h.releaseAll)
	return h
}

// wait waits for the next patch.
func (h *heldPatches) wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.arrived:
	case <-time.After(apiserver.Limit):
		t.Fatal("the operator patches no status")
	}
}

func (h *heldPatches) release() { h.released <- struct{}{} }

func (h *heldPatches) releaseAll() { h.once.Do(func() { close(h.open) }) }

// kinds of networks, of which the operator reports at once that they are not ready.
func eachKind(t *testing.T, test func(t *testing.T, resource string, network client.Object)) {
	t.Helper()
	for resource, network := range map[string]client.Object{
		"bitcoinnetworks":   &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 1}},
		"lightningnetworks": &v1.LightningNetwork{Spec: v1.LightningNetworkSpec{Nodes: 1, BitcoinNetwork: "missing"}},
	} {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			network.SetName("net")
			test(t, resource, network)
		})
	}
}

// The earlier network of the name and the later one have the same generation.
func TestAPassOverADeletedNetworkWritesNoStatusToAnotherOneOfItsName(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, resource string, network client.Object) {
		ns := apiserver.NewNamespace(t)
		network.SetNamespace(ns.Name)
		op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
		patches := holdPatches(t, op, resource)
		first, second := network.DeepCopyObject().(client.Object), network.DeepCopyObject().(client.Object)
		create(t, ns, first)
		patches.wait(t)
		if err := ns.Client.Delete(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		create(t, ns, second)
		patches.release()
		// It arrives after the answer to the first one.
		patches.wait(t)
		if got := reread(t, ns, second); got.GetUID() != second.GetUID() || got.GetResourceVersion() != second.GetResourceVersion() {
			t.Errorf("the new network has version %s, and had %s when it was created: %+v", got.GetResourceVersion(), second.GetResourceVersion(), got)
		}
		patches.releaseAll()
		waitReported(t, ns, second)
	})
}

func create(t *testing.T, ns *apiserver.Namespace, network client.Object) {
	t.Helper()
	if err := ns.Client.Create(t.Context(), network); err != nil {
		t.Fatal(err)
	}
}

func reread(t *testing.T, ns *apiserver.Namespace, network client.Object) client.Object {
	t.Helper()
	got := network.DeepCopyObject().(client.Object)
	if err := ns.Client.Get(t.Context(), client.ObjectKeyFromObject(network), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// waitReported waits for a status of the operator.
func waitReported(t *testing.T, ns *apiserver.Namespace, network client.Object) {
	t.Helper()
	testtools.Eventually(t, "the status of the network", apiserver.Limit, func() error {
		observed, selector := int64(0), ""
		switch got := reread(t, ns, network).(type) {
		case *v1.BitcoinNetwork:
			observed, selector = got.Status.ObservedGeneration, got.Status.Selector
		case *v1.LightningNetwork:
			observed, selector = got.Status.ObservedGeneration, got.Status.Selector
		}
		if observed != 1 || selector == "" || selector == "later" {
			return fmt.Errorf("it is of generation %d, with selector %q", observed, selector)
		}
		return nil
	})
}

// A leader that was frozen before its patch wakes up when another one has written what it has seen since. The change of a user is harmless.
func TestAStatusIsWrittenOnlyToTheNetworkAsItWasRead(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*testing.T, *apiserver.Namespace, client.Object) error{
		"another status": func(t *testing.T, ns *apiserver.Namespace, network client.Object) error {
			return ns.Client.Status().Patch(t.Context(), network, client.RawPatch(types.MergePatchType, []byte(`{"status":{"selector":"later"}}`)))
		},
		"a label": func(t *testing.T, ns *apiserver.Namespace, network client.Object) error {
			return ns.Client.Patch(t.Context(), network, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`)))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachKind(t, func(t *testing.T, resource string, network client.Object) {
				ns := apiserver.NewNamespace(t)
				network.SetNamespace(ns.Name)
				op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
				patches := holdPatches(t, op, resource)
				create(t, ns, network)
				patches.wait(t)
				if err := change(t, ns, network); err != nil {
					t.Fatal(err)
				}
				patches.release()
				released := time.Now()
				patches.wait(t)
				// A network whose status cannot be written has a pass every 30 seconds.
				if took := time.Since(released); took > 20*time.Second {
					t.Errorf("the next pass came after %s", took)
				}
				if got := reread(t, ns, network); got.GetResourceVersion() != network.GetResourceVersion() {
					t.Errorf("the network has version %s, and had %s after the change: %+v", got.GetResourceVersion(), network.GetResourceVersion(), got)
				}
				patches.releaseAll()
				waitReported(t, ns, network)
				events := &eventsv1.EventList{}
				if err := ns.Client.List(t.Context(), events, client.InNamespace(ns.Name)); err != nil {
					t.Fatal(err)
				}
				for _, event := range events.Items {
					if event.Reason == v1.ReasonReconcileFailed {
						t.Errorf("event %s", event.Note)
					}
				}
			})
		})
	}
}

// Each pass has the version that the one before has written, also when the cache does not have it yet.
func TestTheStartOfANetworkHasNoConflict(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 10, Mining: miningEvery(time.Second)})
	record := net.Record()
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	ready := net.WaitReady()
	sent := 0
	// A patch that is under way is counted before it is written; one with a conflict never is written.
	net.Wait("as many versions as patches of the status", func() error {
		written := map[string]bool{}
		for _, version := range net.Until(record, net.Get().ResourceVersion) {
			written[version.ResourceVersion] = true
		}
		// They are counted after the versions: later patches could make up for those that were not written.
		sent = len(op.API.Requests(apiserver.On("patch", "bitcoinnetworks/status")))
		// The first version is that of the user.
		if len(written)-1 != sent {
			return fmt.Errorf("%d were sent, and %d written", sent, len(written)-1)
		}
		return nil
	})
	t.Logf("%d patches of the status, Ready after %s", sent, readyAfter(ready))
}

// readyAfter is the time from the creation of a network until it was Ready.
func readyAfter(network *v1.BitcoinNetwork) time.Duration {
	for _, c := range network.Status.Conditions {
		if c.Type == v1.ConditionReady && c.Status == metav1.ConditionTrue {
			return c.LastTransitionTime.Sub(network.CreationTimestamp.Time)
		}
	}
	return 0
}
