package backend

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// definition is that of LightningNetworks in the cluster of a test.
type definition struct {
	mu sync.Mutex
	// discovery and requests are the errors of both, nil for none.
	discovery, requests error
	// once is true when each error is the answer to one request only.
	once    bool
	streams []*apiwatch.FakeWatcher
}

// answer is the next one of both.
func (d *definition) answer(of *error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := *of
	if d.once {
		*of = nil
	}
	return err
}

func (d *definition) set(discovery, requests error) { d.replace(discovery, requests, false) }

func (d *definition) replace(discovery, requests error, once bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.discovery, d.requests, d.once = discovery, requests, once
	for _, stream := range d.streams {
		stream.Stop() // as the API server ends a watch after some minutes
	}
	d.streams = nil
}

var (
	lightningResource = schema.GroupResource{Group: v1.SchemeGroupVersion.Group, Resource: "lightningnetworks"}
	errUndefined      = apierrors.NewGenericServerResponse(404, "list", lightningResource, "", "404 page not found", 0, true)
	errNoRight        = apierrors.NewForbidden(lightningResource, "", errors.New(`User "eve" cannot list resource`))
)

// defines gives the cluster a definition. With requests that fail it may be missing, or a right to it.
func (w *world) defines(discovery, requests error) *definition {
	d := &definition{discovery: discovery, requests: requests}
	w.networks.Resources = []*metav1.APIResourceList{{GroupVersion: v1.SchemeGroupVersion.String(), APIResources: []metav1.APIResource{{Name: "bitcoinnetworks"}, {Name: "lightningnetworks"}}}}
	w.networks.PrependReactor("get", "resource", func(clienttesting.Action) (bool, runtime.Object, error) {
		err := d.answer(&d.discovery)
		return err != nil, nil, err
	})
	w.networks.PrependReactor("list", "lightningnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		err := d.answer(&d.requests)
		return err != nil, nil, err
	})
	w.networks.PrependWatchReactor("lightningnetworks", func(clienttesting.Action) (bool, apiwatch.Interface, error) {
		if err := d.answer(&d.requests); err != nil {
			return true, nil, err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		own := apiwatch.NewFakeWithChanSize(100, false)
		d.streams = append(d.streams, own)
		return true, own, nil
	})
	return d
}

// sends is a change that arrives by the watch.
func (d *definition) sends(network *v1.LightningNetwork) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, stream := range d.streams {
		if !stream.IsStopped() {
			stream.Modify(network)
		}
	}
}

// lightningNetwork creates one with a channel.
func (w *world) lightningNetwork(name, bitcoin string) *v1.LightningNetwork {
	w.t.Helper()
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Annotations: map[string]string{"x": "y"}}}
	network.Spec = v1.LightningNetworkSpec{BitcoinNetwork: bitcoin, Nodes: 2, Alias: "kept-out"}
	network.Status.Channels = []v1.LightningChannelStatus{{From: 0, To: 1, State: v1.LightningChannelActive, Capacity: 1000}}
	if _, err := w.networks.BitcoincontrollerV1().LightningNetworks("ns").Create(w.t.Context(), network, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	return network
}

// starts shows the networks of the namespace, as the command does.
func (w *world) starts(name string) *Backend {
	w.t.Helper()
	b, err := Start(w.t.Context(), w.client, name, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	w.lightning = b.Lightning
	return b
}

// lightningRequests counts the requests for LightningNetworks.
func (w *world) lightningRequests() int {
	count := 0
	for _, action := range w.networks.Actions() {
		if action.GetResource().Resource == "lightningnetworks" {
			count++
		}
	}
	return count
}

const channelOfLN = "ln/ln/channel/0-1-0"

func TestLightningNetworksFollowTheCluster(t *testing.T) {
	w := newWorld(t)
	d := w.defines(nil, nil)
	network := w.lightningNetwork("ln", "net")
	w.lightningNetwork("elsewhere", "other")
	w.starts("net")
	// At once, as the networks.
	if delta, _, _ := w.lightning.Since(""); !strings.Contains(string(delta.Set[channelOfLN]), `"kind":"active"`) || delta.Set["ln/ln/node/1"] == nil || len(delta.Set) != 4 {
		t.Errorf("the first values are %s", delta.Set)
	}
	w.eventually("page", `{"namespace":"ns","only":"net","lightning":true}`)
	network = network.DeepCopy()
	network.Status.Channels[0].State = v1.LightningChannelInactive
	d.sends(network)
	w.in(w.lightning, channelOfLN, `"kind":"lost"`)
	delta, _, _ := w.store.Since("")
	for key := range delta.Set {
		if strings.HasPrefix(key, "ln/") {
			t.Errorf("everybody gets %s, also without a right to Lightning networks", key)
		}
	}
}

// The page is then as it was before there were Lightning networks.
func TestWithoutTheDefinitionNothingIsRequestedOrShown(t *testing.T) {
	for name, c := range map[string]struct {
		discovery, requests error
		most                int
	}{
		"without the definition":                                 {nil, errNoRight, 0},
		"without any definition":                                 {errUndefined, errNoRight, 0},
		"of which nothing is known, and the resource is missing": {apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no discovery")), errUndefined, 1},
		"of which nothing is known, and a right is missing":      {apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no discovery")), errNoRight, 1},
	} {
		w := newWorld(t)
		w.defines(c.discovery, c.requests)
		w.networks.Resources[0].APIResources = w.networks.Resources[0].APIResources[:1]
		w.starts("")
		w.eventually("network/net", `"nodes":3`)
		if delta, _, _ := w.store.Since(""); string(delta.Set["page"]) != `{"namespace":"ns"}` || w.lightningRequests() > c.most {
			t.Errorf("%s: the page is %s after %d requests", name, delta.Set["page"], w.lightningRequests())
		}
	}
}

func TestADefinitionThatComesLaterIsShownByTheNextPage(t *testing.T) {
	w := newWorld(t)
	d := w.defines(errUndefined, errUndefined)
	w.lightningNetwork("ln", "net")
	b := w.starts("")
	d.set(nil, nil)
	defer b.View("net")()
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
	w.eventually("page", `{"namespace":"ns","lightning":true}`)
}

// The networks are watched as before, and are not old.
func TestADefinitionOrARightThatIsTakenAwayEndsTheLightningNetworksOnly(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		page string
	}{
		"the definition": {errUndefined, `{"namespace":"ns"}`},
		"the right":      {errNoRight, `{"namespace":"ns","noLightning":"your account has no right to list and watch lightningnetworks in namespace \"ns\"`},
	} {
		w := newWorld(t)
		d := w.defines(nil, nil)
		w.lightningNetwork("ln", "net")
		b := w.starts("")
		w.in(w.lightning, channelOfLN, `"kind":"active"`)
		discovery := c.err
		if name == "the right" {
			discovery = nil
		}
		d.set(discovery, c.err)
		w.in(w.lightning, channelOfLN, "")
		w.eventually("page", c.page)
		if delta, _, _ := w.store.Since(""); delta.Set["node/net/0"] == nil || strings.Contains(string(delta.Set["page"]), "stale") {
			t.Errorf("without %s: %s", name, delta.Set["page"])
		}
		d.set(nil, nil)
		defer b.View("net")()
		w.in(w.lightning, channelOfLN, `"kind":"active"`)
		w.eventually("page", `{"namespace":"ns","lightning":true}`)
	}
}

// A right that the account of the page lacks is no viewer's fault, and hides no network.
func TestAPageWithoutARightToLightningNetworksShowsTheRest(t *testing.T) {
	w := newWorld(t)
	d := w.defines(nil, errNoRight)
	w.lightningNetwork("ln", "net")
	failed := make(chan error, 100)
	all := &Namespaces{Client: w.client, Failed: func(err error) { failed <- err }}
	w.opens(all, "ns")
	w.eventually("network/net", `"nodes":3`)
	w.eventually("page", `"noLightning":"the service account of the page has no right to list and watch lightningnetworks in namespace \"ns\": an administrator of the cluster can give it"`)
	if err := <-failed; !strings.Contains(err.Error(), "the Lightning networks of namespace ns are not shown") {
		t.Errorf("reported is %v", err)
	}
	d.set(nil, nil)
	w.opens(all, "ns")
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
	w.eventually("page", `{"namespace":"ns","lightning":true}`)
	if len(failed) > 0 {
		t.Errorf("reported is also %v", <-failed)
	}
}

// Anybody with the role edit can write them.
func TestLightningNetworksCountInTheMemoryOfANamespace(t *testing.T) {
	w := newWorld(t)
	d := w.defines(nil, nil)
	network := w.lightningNetwork("ln", "net")
	all := &Namespaces{Client: w.client, Failed: func(error) {}, limit: 100 << 10, rereadTime: 50 * time.Millisecond}
	w.opens(all, "ns")
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
	large := network.DeepCopy()
	for i := range int32(500) {
		large.Status.Channels = append(large.Status.Channels, v1.LightningChannelStatus{From: 0, To: 1, Index: i + 1, State: v1.LightningChannelActive, Message: strings.Repeat("x", 100)})
	}
	lnnets := w.networks.BitcoincontrollerV1().LightningNetworks("ns")
	if _, err := lnnets.Update(t.Context(), large, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	d.sends(large)
	w.eventually("page", `"tooLarge":"the networks and events of namespace \"ns\" need more memory`)
	w.in(w.lightning, "ln/ln/network", "")
	if err := lnnets.Delete(t.Context(), "ln", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.eventually("page", `{"namespace":"ns","lightning":true}`)
}

// What the page does not show is not kept.
func TestTheSpecOfALightningNetworkIsNotKept(t *testing.T) {
	w := newWorld(t)
	w.defines(nil, nil)
	network := w.lightningNetwork("ln", "net")
	network.Spec.Config = v1.LightningConfig{"debuglevel": v1.LightningConfigValue(strings.Repeat("x", 200<<10))}
	network.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(strings.Repeat(" ", 200<<10))}}
	if _, err := w.networks.BitcoincontrollerV1().LightningNetworks("ns").Update(t.Context(), network, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.opens(&Namespaces{Client: w.client, Failed: func(err error) { t.Error(err) }, limit: 100 << 10}, "ns")
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
}
