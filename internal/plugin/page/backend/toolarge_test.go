package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// event creates one of a network in a namespace.
func (w *world) event(namespace, name string, change func(*corev1.Event)) {
	w.t.Helper()
	event := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "x"}, InvolvedObject: corev1.ObjectReference{Kind: "BitcoinNetwork", Name: "net"}, Reason: "Ready"}
	if change != nil {
		change(event)
	}
	if _, err := w.core.CoreV1().Events(namespace).Create(w.t.Context(), event, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// opens watches a namespace as a viewer does.
func (w *world) opens(all *Namespaces, namespace string) {
	w.t.Helper()
	stores, end, err := all.Open(w.t.Context(), namespace)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(end)
	w.store, w.lightning = stores.Networks, stores.Lightning
}

// Anybody with the role edit can write what the page would keep.
func TestANamespaceThatIsTooLargeIsNotShownUntilItIsSmaller(t *testing.T) {
	for name, grow := range map[string]func(w *world){
		"many events": func(w *world) {
			for i := range 100 {
				w.event("ns", fmt.Sprint("e", i), nil)
			}
		},
		"a large network": func(w *world) {
			network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "e0"}, Spec: v1.BitcoinNetworkSpec{Image: strings.Repeat("x", 100<<10)}}
			if _, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Create(w.t.Context(), network, metav1.CreateOptions{}); err != nil {
				w.t.Fatal(err)
			}
		},
		"a small network with many nodes": func(w *world) {
			network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "e0"}, Spec: v1.BitcoinNetworkSpec{Nodes: 500}}
			if _, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Create(w.t.Context(), network, metav1.CreateOptions{}); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		for _, early := range []bool{true, false} {
			w := newWorld(t)
			failed := make(chan error, 100)
			all := &Namespaces{Client: w.client, Failed: func(err error) { failed <- err }, limit: 100 << 10, rereadTime: 50 * time.Millisecond}
			if early {
				grow(w)
			}
			w.opens(all, "ns")
			if !early {
				w.eventually("network/net", `"nodes":3`)
				grow(w)
			}
			w.eventually("page", `"tooLarge":"the networks and events of namespace \"ns\" need more memory than this page has for them`)
			w.eventually("network/net", "")
			if err := <-failed; !strings.Contains(err.Error(), "more memory than the limit") {
				t.Errorf("%s: reported is %v", name, err)
			}
			for i := range 100 {
				err := w.core.CoreV1().Events("ns").Delete(t.Context(), fmt.Sprint("e", i), metav1.DeleteOptions{})
				if err != nil && !apierrors.IsNotFound(err) {
					t.Fatal(err)
				}
			}
			if err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Delete(t.Context(), "e0", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
			w.eventually("network/net", `"nodes":3`)
			w.eventually("page", `{"namespace":"ns"}`)
		}
	}
}

// What is deleted does not count: a network that lives for long has many events, one after the other.
func TestDeletedEventsDoNotCount(t *testing.T) {
	w := newWorld(t)
	all := &Namespaces{Client: w.client, Failed: func(err error) { t.Error(err) }, limit: 100 << 10}
	w.opens(all, "ns")
	for i := range 300 {
		w.event("ns", fmt.Sprint("e", i), nil)
		if i >= 10 {
			if err := w.core.CoreV1().Events("ns").Delete(t.Context(), fmt.Sprint("e", i-10), metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.event("ns", "last", func(e *corev1.Event) { e.UID = "last" })
	w.eventually("event/last", `"reason":"Ready"`)
	w.eventually("page", `{"namespace":"ns"}`)
}

// What the page does not show is not kept, whatever its size.
func TestAnnotationsAndLongTextsAreNotKept(t *testing.T) {
	const large = 256 << 10
	w := newWorld(t)
	for i := range 60 {
		w.event("ns", fmt.Sprint("e", i), func(e *corev1.Event) {
			e.UID = "e"
			e.Annotations = map[string]string{"x": strings.Repeat("x", large)}
			e.Message = strings.Repeat("y", large)
			e.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(strings.Repeat(" ", large))}}
		})
	}
	all := &Namespaces{Client: w.client, Failed: func(err error) { t.Error(err) }, limit: 256 << 10}
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	w.opens(all, "ns")
	w.eventually("event/e", `"note":"yyyy`)
	if after := heap(); after > before+10*large {
		t.Errorf("60 events with %d bytes each need %d bytes", 3*large, after-before)
	}
}

func TestTheReasonWhyValuesAreOldIsNamed(t *testing.T) {
	at := time.UnixMilli(1700000000000)
	for want, err := range map[string]error{
		missingRight: fmt.Errorf("it fails: %w", &cluster.MissingRight{Verb: "list and watch", Resource: "events", Namespace: "ns"}),
		credentials:  fmt.Errorf("it fails: %w", apierrors.NewUnauthorized("Unauthorized")),
		unreachable:  errors.New("connection refused by 10.0.0.1"),
	} {
		got := staleBy(err, at)
		if got.Kind != want || got.Since != at.UnixMilli() || got.Reason != err.Error() {
			t.Errorf("%v: %+v", err, got)
		}
		if words := forViewers(got.Kind, err); strings.Contains(words, "10.0.0.1") || strings.Contains(words, "your account") || strings.Contains(words, "it fails") {
			t.Errorf("viewers read %q", words)
		}
	}
	if staleBy(nil, at) != nil || staleForViewers(nil, at) != nil {
		t.Error("values are old without a reason")
	}
	if text, err := json.Marshal(staleBy(errors.New("reset"), time.Time{})); err != nil || string(text) != `{"kind":"unreachable","reason":"reset"}` {
		t.Errorf("values that have never arrived: %s, %v", text, err)
	}
}

// It is not true that the API server cannot be reached.
func TestExpiredCredentialsAreNamedWithATime(t *testing.T) {
	w := newWorld(t)
	deny, allow := w.breaks(apierrors.NewUnauthorized("Unauthorized"))
	if _, err := Start(t.Context(), w.client, "", w.store); err != nil {
		t.Fatal(err)
	}
	w.eventually("network/net", `"nodes":3`)
	deny()
	w.eventually("page", `"stale":{"kind":"credentials","reason":"the API server does not accept your credentials: log in again`)
	allow()
	w.eventually("page", `{"namespace":"ns"}`)
}
