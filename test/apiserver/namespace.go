package apiserver

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Namespace is that of one test, with a simulated machine for its pods.
type Namespace struct {
	*Environment
	Name string
	// Bitcoinds are the simulated nodes of all pods.
	Bitcoinds *bitcoindtest.Nodes

	t       testing.TB
	machine *machine
}

// namespaces counts those of this process, whose names must differ.
var namespaces atomic.Int64

var noName = regexp.MustCompile(`[^a-z0-9]+`)

// NewNamespace returns a namespace of the test's own. At the end of the test, its operators and nodes stop.
func NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	return Start(t).NewNamespace(t)
}

// NewNamespace returns one of this environment.
func (e *Environment) NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	name := strings.Trim(noName.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-"), "-")
	name = strings.Trim(name[:min(len(name), 50)], "-") + fmt.Sprintf("-%d", namespaces.Add(1))
	_, err := e.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	ok(t, err)
	ns := &Namespace{Environment: e, Name: name, Bitcoinds: bitcoindtest.New(), t: t}
	ns.machine = newMachine(t, e.Clients, name, ns.Bitcoinds)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ns.machine.work(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		ns.machine.stopAll()
	})
	return ns
}

// Create creates a network.
func (ns *Namespace) Create(name string, spec v1.BitcoinNetworkSpec) *Network {
	ns.t.Helper()
	ok(ns.t, ns.Client.Create(ns.t.Context(), &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: name}, Spec: spec}))
	return ns.Network(name)
}

// Network is a network that exists.
func (ns *Namespace) Network(name string) *Network { return &Network{Namespace: ns, Name: name} }

// Report sets what the machine reports of the pods from now on, of those that exist too; nil for pods that run and are ready.
func (ns *Namespace) Report(report Report) { ns.machine.setReport(report) }

// SpreadPods gives each pod from now on a cluster node of its own.
func (ns *Namespace) SpreadPods() { ns.machine.spread.Store(true) }

// RestartContainer ends the container of a pod's bitcoind and starts it again, with another id. The node keeps its blocks.
func (ns *Namespace) RestartContainer(pod string) {
	ns.t.Helper()
	ok(ns.t, ns.machine.restart(pod))
}

// ok ends the test when there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
