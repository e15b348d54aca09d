package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// requests counts those that have a verb, of all resources.
func (w *world) requests(verb string) int {
	count := 0
	for _, action := range append(w.networks.Actions(), w.core.Actions()...) {
		if action.GetVerb() == verb && action.GetResource().Resource != "resource" { // whether there is a definition
			count++
		}
	}
	return count
}

func TestManyViewersShareOneWatchOfNetworksAndEvents(t *testing.T) {
	w := newWorld(t)
	before := w.requests("create") // of the pods of the test
	all := &Namespaces{Client: w.client, Failed: func(err error) { t.Error(err) }, idleTimeout: time.Millisecond}
	var running sync.WaitGroup
	ends := make(chan func(), 50)
	for range cap(ends) {
		running.Go(func() {
			stores, end, err := all.Open(t.Context(), "ns")
			if err != nil {
				t.Error(err)
				return
			}
			// At once, or a person would read that there is no network.
			if delta, _, _ := stores.Networks.Since(""); delta.Set["network/net"] == nil || !strings.Contains(string(delta.Set["page"]), `"namespace":"ns"`) {
				t.Errorf("the first values are %s", delta.Set)
			}
			ends <- end
		})
	}
	running.Wait()
	stores, end, err := all.Open(t.Context(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	w.store = stores.Networks
	w.eventually("node/net/0", `"ready":true`)
	w.eventually("tip/net/2", `"height":7`)
	// One to see whether there is a right to it, and one that stays, of networks and of events.
	if got := w.requests("watch"); got != 4 {
		t.Errorf("%d viewers need %d watches", cap(ends)+1, got)
	}
	if w.requests("create") != before || w.requests("get") > 0 || w.count() > 0 {
		t.Errorf("the page does more than to list and watch: %v %v", w.networks.Actions(), w.core.Actions())
	}
	for _, action := range w.core.Actions() {
		if action.GetVerb() != "create" && action.GetResource().Resource != "events" {
			t.Errorf("the page reads %s", action.GetResource().Resource)
		}
	}
	close(ends)
	for leave := range ends {
		leave()
	}
	open := func() int {
		all.mu.Lock()
		defer all.mu.Unlock()
		return len(all.open)
	}
	end()
	end()
	testtools.Eventually(t, "the end of the watches", limit30s, func() error {
		if n := open(); n > 0 {
			return fmt.Errorf("%d namespaces are watched", n)
		}
		return nil
	})
	if _, again, err := all.Open(t.Context(), "ns"); err != nil {
		t.Fatal(err)
	} else if again(); w.requests("watch") != 8 {
		t.Errorf("after the end there are %d watches", w.requests("watch"))
	}
}

func TestANamespaceThatThePageMayNotReadIsReportedAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	for _, resource := range []string{"events", "bitcoinnetworks"} {
		forbidden := true
		deny := func(clienttesting.Action) (bool, runtime.Object, error) {
			return forbidden, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "page" cannot list resource`))
		}
		w.core.PrependReactor("list", resource, deny)
		w.networks.PrependReactor("list", resource, deny)
		var failed []string
		all := &Namespaces{Client: w.client, Failed: func(err error) { failed = append(failed, err.Error()) }} // before Open returns
		if _, _, err := all.Open(t.Context(), "ns"); err == nil || len(failed) != 1 || !strings.Contains(failed[0], "service account of the page") || !strings.Contains(failed[0], "list and watch "+resource) {
			t.Errorf("without %s: %v, reported %q", resource, err, failed)
		}
		forbidden = false
		if _, end, err := all.Open(t.Context(), "ns"); err != nil {
			t.Errorf("with the right to %s: %v", resource, err)
		} else {
			end()
		}
	}
}

func TestThereAreNoMoreNamespacesThanTheBound(t *testing.T) {
	w := newWorld(t)
	all := &Namespaces{Client: w.client, Failed: func(err error) { t.Error(err) }, Only: nil}
	for i := range maxNamespaces {
		if all.enter(fmt.Sprint("ns", i)) == nil {
			t.Fatalf("namespace %d is rejected", i)
		}
	}
	if _, _, err := all.Open(t.Context(), "one-more"); err == nil || !strings.Contains(err.Error(), "too many namespaces") {
		t.Errorf("one more: %v", err)
	}
	if _, end, err := all.Open(t.Context(), "ns0"); err != nil {
		t.Errorf("one that is watched: %v", err)
	} else {
		end()
	}
	// Those without a viewer make place, the oldest first.
	for _, name := range []string{"ns7", "ns3"} {
		all.leave(name, all.open[name])
	}
	for i, gone := range []string{"ns7", "ns3"} {
		if all.enter(fmt.Sprint("more", i)) == nil || all.open[gone] != nil || len(all.open) != maxNamespaces {
			t.Errorf("namespace %d more does not take the place of %s", i, gone)
		}
	}
	if all.enter("one-more") != nil {
		t.Error("a namespace with a viewer makes place")
	}
}

func TestANamespaceThatIsNotShownIsTheOnlyOneThatIsNamed(t *testing.T) {
	all := &Namespaces{Only: []string{"team-a", "team-b"}}
	if _, _, err := all.Open(t.Context(), "team-c"); err == nil || err.Error() != `this page does not show namespace "team-c"` {
		t.Errorf("it is rejected with %v", err)
	}
}

// breaks makes the requests for events, and the watch that runs, fail with an error until allow is called.
func (w *world) breaks(err error) (deny, allow func()) {
	stream, denied := apiwatch.NewFake(), false
	var mu sync.Mutex
	isDenied := func(change func()) bool {
		mu.Lock()
		defer mu.Unlock()
		change()
		return denied
	}
	w.core.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) { return isDenied(func() {}), nil, err })
	w.core.PrependWatchReactor("events", func(clienttesting.Action) (bool, apiwatch.Interface, error) {
		own := apiwatch.NewFake()
		if isDenied(func() { stream = own }) {
			return true, nil, err
		}
		return true, own, nil
	})
	return func() { isDenied(func() { denied = true; stream.Stop() }) }, func() { isDenied(func() { denied = false }) }
}

// The page would show old values as live ones.
func TestARightThatIsTakenAwayMeanwhileIsNamed(t *testing.T) {
	w := newWorld(t)
	deny, allow := w.breaks(apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", errors.New(`User "page" cannot list resource`)))
	failed := make(chan error, 1) // one word for an administrator, however often it fails
	all := &Namespaces{Client: w.client, Failed: func(err error) { failed <- err }}
	before := time.Now().UnixMilli()
	w.opens(all, "ns")
	w.eventually("page", `"namespace":"ns"`)
	deny()
	w.eventually("page", `"stale":{"kind":"right","reason":"the service account of the page has no right to list and watch events in namespace \"ns\" any more`)
	var page Page
	if delta, _, _ := w.store.Since(""); json.Unmarshal(delta.Set["page"], &page) != nil || page.Stale == nil || page.Stale.Since < before || page.Stale.Since > time.Now().UnixMilli() {
		t.Errorf("the page shows as true until %+v", page.Stale)
	}
	if err := <-failed; !strings.Contains(err.Error(), "namespace ns cannot be watched with the service account of the page: your account has no right to list and watch events") {
		t.Errorf("reported is %v", err)
	}
	allow()
	w.eventually("page", `{"namespace":"ns"}`)
}
