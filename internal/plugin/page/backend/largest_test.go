package backend

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

// One tenant with several namespaces cannot take the page from the others.
func TestTheLargestNamespaceIsNotShownWhenAllNeedTooMuch(t *testing.T) {
	w := newWorld(t)
	all := &Namespaces{Client: w.client, Failed: func(error) {}, limit: 100 << 10, total: 130 << 10, rereadTime: time.Hour}
	for _, namespace := range []string{"large", "small"} {
		for i := range map[string]int{"large": 70, "small": 10}[namespace] {
			w.event(namespace, fmt.Sprint("e", i), func(e *corev1.Event) { e.UID = "e" })
		}
	}
	w.opens(all, "large")
	large := w.store
	w.eventually("event/e", "Ready")
	w.opens(all, "small")
	small := w.store
	for i := range 60 {
		w.event("small", fmt.Sprint("f", i), func(e *corev1.Event) { e.UID = "f" })
	}
	w.store = large
	w.eventually("page", "need more memory")
	w.store = small
	w.eventually("event/f", "Ready")
	w.eventually("page", `{"namespace":"small"}`)
}

// While its list arrives it is smaller than it is.
func TestANamespaceThatArrivesIsNotShownWhenItIsTheLargest(t *testing.T) {
	w := newWorld(t)
	failed := make(chan error, 1000)
	all := &Namespaces{Client: w.client, Failed: func(err error) { failed <- err }, limit: 100 << 10, total: 140 << 10, rereadTime: 10 * time.Millisecond}
	for i := range 5 {
		name := fmt.Sprint("small", i)
		for j := range 25 {
			w.event(name, fmt.Sprint("e", j), func(e *corev1.Event) { e.UID = "e" })
		}
		w.opens(all, name)
		w.eventually("event/e", "Ready")
	}
	for i := range 60 {
		w.event("large", fmt.Sprint("e", i), func(e *corev1.Event) { e.UID = "e" })
	}
	w.opens(all, "large")
	w.eventually("page", "need more memory")
	for range 5 { // it is read again and again
		if err := <-failed; !strings.Contains(err.Error(), "namespace large ") {
			t.Error(err)
		}
	}
	for i := range 50 {
		if err := w.core.CoreV1().Events("large").Delete(t.Context(), fmt.Sprint("e", i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("event/e", "Ready")
	w.eventually("page", `{"namespace":"large"}`)
}

func TestTheLargestNamespaceIsKnownWhenAllHaveArrived(t *testing.T) {
	type count struct {
		name  string
		bytes int
		all   bool
	}
	for name, test := range map[string]struct {
		counts []count
		want   string
	}{
		"all fit":                                        {[]count{{"a", 50, true}, {"b", 50, true}}, ""},
		"a complete one grows":                           {[]count{{"a", 60, true}, {"b", 30, true}, {"b", 41, true}}, "a"},
		"the largest grows":                              {[]count{{"a", 50, true}, {"b", 50, true}, {"b", 51, true}}, "b"},
		"one that arrives may be the largest":            {[]count{{"a", 60, true}, {"b", 59, false}}, ""},
		"one that arrives is the largest":                {[]count{{"a", 60, true}, {"b", 59, false}, {"b", 60, false}}, "b"},
		"one that has arrived is not the largest":        {[]count{{"a", 60, true}, {"b", 59, false}, {"b", 59, true}}, "a"},
		"a small one is complete before large ones":      {[]count{{"a", 50, false}, {"b", 49, false}, {"c", 5, true}}, "a"},
		"the others need the memory of one more":         {[]count{{"a", 70, true}, {"b", 30, false}, {"c", 41, false}}, "c"},
		"a complete one grows while another arrives":     {[]count{{"a", 70, true}, {"b", 30, false}, {"a", 110, true}}, ""},
		"a complete one grows too much meanwhile":        {[]count{{"a", 70, true}, {"b", 30, false}, {"a", 111, true}}, "a"},
		"one has ended, whose memory the others can use": {[]count{{"a", 70, true}, {"a", 0, true}, {"b", 90, false}}, ""},
	} {
		all := &Namespaces{limit: 40, total: 100, open: map[string]*namespace{"a": {}, "b": {}, "c": {}}}
		got := ""
		for _, c := range test.counts {
			all.counted(all.open[c.name], c.bytes, c.all, func() { got += c.name })
		}
		if got != test.want {
			t.Errorf("%s: %q is not shown, should be %q", name, got, test.want)
		}
	}
}

// A person would delete networks, though a right is missing.
func TestANamespaceThatCannotBeReadAgainIsNotCalledTooLarge(t *testing.T) {
	w := newWorld(t)
	failed := make(chan error, 1000)
	all := &Namespaces{Client: w.client, Failed: func(err error) { failed <- err }, limit: 20 << 10, total: 26 << 10, rereadTime: 10 * time.Millisecond}
	for i := range 20 {
		w.event("ns", fmt.Sprint("e", i), func(e *corev1.Event) { e.UID = "e" })
	}
	var denied atomic.Bool
	w.networks.PrependReactor("list", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		if !denied.Load() {
			return false, nil, nil
		}
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "bitcoinnetworks"}, "", errors.New(`User "page" cannot list resource`))
	})
	w.opens(all, "ns")
	w.eventually("page", "need more memory")
	denied.Store(true)
	w.eventually("page", `{"namespace":"ns","stale":{"kind":"right","reason":"the service account of the page has no right to list and watch bitcoinnetworks in namespace \"ns\" any more: `+
		`an administrator of the cluster can give it"}}`)
	all.mu.Lock()
	if bytes := all.open["ns"].bytes; bytes != 0 {
		t.Errorf("%d bytes of a namespace that is not read are counted", bytes)
	}
	all.mu.Unlock()
	denied.Store(false)
	w.eventually("page", "need more memory")
	for i := range 18 {
		if err := w.core.CoreV1().Events("ns").Delete(t.Context(), fmt.Sprint("e", i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("network/net", `"nodes":3`)
	w.eventually("page", `{"namespace":"ns"}`)
}
