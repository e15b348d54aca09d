package controller

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestAnotherBackendRestartsOneLNDAfterTheOther(t *testing.T) {
	backend := api.Backend{Host: "h", User: "lightning"}
	desired := backend.Digest()
	agent := func(digest, lnd string) node {
		return node{state: &api.State{Process: api.Running, Backend: digest, LND: lnd}, backend: &backend}
	}
	current, old, restarting, fresh := agent(desired, api.LNDActive), agent("old", api.LNDActive), agent(desired, api.LNDSyncing), agent("", "")
	password, silent, unknown, ending := old, node{backend: &backend}, old, agent("old", api.LNDActive)
	ending.state.Next = desired
	password.otherCredential, unknown.backend = true, nil
	waiting := agent(desired, "")
	waiting.state.Secret = api.SecretMissing
	outdated, obsolete, unbound, silentLND := old, old, old, agent("old", "")
	outdated.state = &api.State{Process: api.Running, Backend: "older", LND: api.LNDActive, Next: "old"}
	obsolete.state = &api.State{Process: api.Running, Backend: "old", LND: api.LNDSyncing}
	unbound.state, unbound.backend = obsolete.state, nil
	for name, test := range map[string]struct {
		nodes   []node
		updated bool
		want    []int
	}{
		"one ends for another backend":    {[]node{old, outdated}, true, []int{1}},
		"one starts with another backend": {[]node{old, obsolete}, true, []int{1}},
		"it, and a bitcoind is outdated":  {[]node{old, obsolete}, false, nil},
		"one starts without bitcoind":     {[]node{old, unbound}, true, []int{0}},
		"LNDs do not report a state":      {[]node{silentLND, silentLND}, true, nil},
		"all have it":                     {[]node{current, current}, true, nil},
		"new pods":                        {[]node{fresh, fresh}, false, []int{0, 1}},
		"two with another":                {[]node{old, old}, true, []int{0}},
		"the first has it":                {[]node{current, old, old}, true, []int{1}},
		"the first ends for it":           {[]node{ending, old}, true, nil},
		"the first restarts with it":      {[]node{restarting, old}, true, nil},
		"a later one restarts with it":    {[]node{old, restarting}, true, nil},
		"one waits for its Secret":        {[]node{waiting, old}, true, []int{1}},
		"a new pod does not wait":         {[]node{restarting, fresh, old}, true, []int{1}},
		"a bitcoind is not as specified":  {[]node{old, old}, false, nil},
		"bitcoinds have another password": {[]node{password, password}, false, []int{0, 1}},
		"an agent that does not answer":   {[]node{silent, old}, true, []int{1}},
		"a bitcoind that does not answer": {[]node{unknown, old}, true, []int{1}},
	} {
		for i := range test.nodes {
			test.nodes[i].ordinal = i
		}
		var got []int
		for _, n := range handedOver(test.nodes, test.updated, &plan.Inputs{}) {
			got = append(got, n.ordinal)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// The agents have answered before, and may have another backend since.
func TestABackendThatIsOnItsWayRestartsAnLNDToo(t *testing.T) {
	backend := api.Backend{Host: "h"}
	nodes := make([]node, 3)
	for i := range nodes {
		nodes[i] = node{ordinal: i, state: &api.State{Process: api.Running, Backend: "old", LND: api.LNDActive}, backend: &backend}
	}
	full := map[string]plan.Failure{plan.KeyBackend(0): {Message: "no space left", Count: 1, At: now}}
	starting := node{ordinal: 0, state: &api.State{Process: api.Running, Backend: "old", LND: api.LNDSyncing}, backend: &backend}
	for name, test := range map[string]struct {
		in    plan.Inputs
		first *node
		want  []int
	}{
		"none is on its way":        {plan.Inputs{}, nil, []int{0}},
		"that of the first":         {plan.Inputs{Busy: map[string]bool{plan.KeyBackend(0): true}}, nil, nil},
		"that of the last":          {plan.Inputs{Busy: map[string]bool{plan.KeyBackend(2): true}}, nil, nil},
		"the first does not get it": {plan.Inputs{Now: now, Failures: full}, nil, []int{1}},
		"nor when it starts":        {plan.Inputs{Now: now, Failures: full}, &starting, []int{1}},
	} {
		var got []int
		nodes := slices.Clone(nodes)
		if test.first != nil {
			nodes[0] = *test.first
		}
		for _, n := range handedOver(nodes, true, &test.in) {
			got = append(got, n.ordinal)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// The Service of a node leads to another bitcoind when the BitcoinNetwork is scaled, and the connections of LND stay where they are.
func TestAnotherBitcoindIsAnotherBackend(t *testing.T) {
	network, bitcoin := &v1.LightningNetwork{}, &v1.BitcoinNetwork{}
	credential := bitcoind.Credential{User: "lightning", Password: "p"}
	backend := func(node node) string { return backendOf(network, bitcoin, &node, credential).Digest() }
	if backend(node{ordinal: 1}) == backend(node{ordinal: 1, bitcoin: 1}) {
		t.Error("LND does not restart")
	}
	if backend(node{ordinal: 1}) == backend(node{ordinal: 1, certificateHosts: "lnd.example.com"}) {
		t.Error("LND does not restart for another certificate")
	}
}

func TestAnAgentThatDoesNotTakeItsBackendIsTriedAgainLater(t *testing.T) {
	network := &v1.LightningNetwork{}
	attempts := make(chan struct{}, 10)
	r := &Reconciler{
		options: Options{Now: time.Now, Settings: resources.Settings{Credential: func(*v1.LightningNetwork) bitcoind.Credential { return bitcoind.Credential{} }}},
		agents: api.NewClient(func(context.Context, string, string) (net.Conn, error) {
			attempts <- struct{}{}
			return nil, errors.New("no space left")
		}),
		background: &background{now: time.Now, requeue: func(types.NamespacedName) {}},
	}
	state := &networkState{shared: newShared()}
	backend := api.Backend{Host: "h"}
	o := &observed{nodes: []node{{state: &api.State{Process: api.Waiting}, backend: &backend, pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ln-lnd-0"}}}}}
	pass := func() *plan.Inputs {
		in := &plan.Inputs{Now: time.Now()}
		state.shared.inputs(in, nil, in.Now)
		r.handOver(t.Context(), network, o, state, in)
		r.background.actions.Wait()
		return in
	}
	for range 5 {
		pass()
	}
	if len(attempts) != 1 {
		t.Errorf("%d attempts at once", len(attempts))
	}
	r.setBackends(network, o, pass().Failures)
	if got := o.nodes[0].handOver; !strings.HasSuffix(got, "no space left") {
		t.Errorf("reported %q", got)
	}
}

// The pods of a network keep the agent that they began with.
func TestAnAgentThatDoesNotKnowAllOfItsBackendIsNamed(t *testing.T) {
	backend := api.Backend{Host: "h", CertificateHosts: "lnd.example.com"}
	for name, test := range map[string]struct {
		state api.State
		want  error
	}{
		"an earlier agent":          {api.State{Process: api.Running, Backend: api.Backend{Host: "h"}.Digest()}, errEarlierAgent},
		"LND ends for it":           {api.State{Process: api.Running, Backend: "old", Next: backend.Digest()}, nil},
		"LND is not running":        {api.State{Process: api.Waiting, Backend: backend.Digest()}, nil},
		"an answer that is garbage": {api.State{}, nil},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := any(struct{}{})
			if r.URL.Path == api.StatePath {
				answer = test.state
			}
			_ = json.NewEncoder(w).Encode(answer) // the client reports it
		}))
		agents := api.NewClient(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		})
		ctx, cancel := context.WithTimeout(t.Context(), api.CallTimeout)
		if err := putBackend(ctx, agents, api.Pod{Host: "127.0.0.1"}, backend); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		server.Close()
	}
}

func TestRequestsAreForThePodThatIsMeant(t *testing.T) {
	r := &Reconciler{options: Options{Settings: resources.Settings{Credential: func(*v1.LightningNetwork) bitcoind.Credential { return bitcoind.Credential{} }}}}
	if got := r.agentOf(&v1.LightningNetwork{}, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ln-lnd-1"}}); got.Name != "ln-lnd-1" {
		t.Errorf("%+v", got)
	}
}
