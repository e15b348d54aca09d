package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// changingCalls are the calls so far that have changed something in the nodes of a network.
func changingCalls(net *apiserver.Network, nodes int) string {
	calls := ""
	for i := range nodes {
		for _, method := range []string{"addnode", "disconnectnode", "generatetodescriptor", "generatetoaddress"} {
			calls += fmt.Sprintf("%s of %d: %d, ", method, i, net.Node(i).Calls(method))
		}
	}
	return calls
}

// leaderOf is who has the lease.
func leaderOf(t *testing.T, net *apiserver.Network) string {
	t.Helper()
	leases := &coordinationv1.LeaseList{}
	if err := net.Client.List(t.Context(), leases, client.InNamespace(net.Namespace.Name)); err != nil || len(leases.Items) != 1 {
		return ""
	}
	return ptr.Deref(leases.Items[0].Spec.HolderIdentity, "")
}

// A leader is frozen in the middle of a pass, and wakes up when another one has separated the nodes. The other one is killed then, so that
// whatever happens is by the first: a second frozen one might not renew its lease in time either.
func TestALeaderThatWasFrozenChangesNothingWhenItWakesUp(t *testing.T) {
	t.Parallel()
	const nodes = 4
	ns := apiserver.NewNamespace(t)
	options := apiserver.ProgramOptions{Flags: []string{"--leader-elect", "--poll-interval", fast.String()}}
	first := ns.StartProgram(options)
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: nodes, Mining: miningEvery(time.Second)})
	net.WaitReady()
	former := leaderOf(t, net)
	second := ns.StartProgram(options)

	reached, released := make(chan struct{}), make(chan struct{})
	var once, wake sync.Once
	first.API.Inject(apiserver.On("create", "services"), apiserver.Fault{Before: func() {
		once.Do(func() { close(reached) })
		<-released
	}})
	t.Cleanup(func() { wake.Do(func() { close(released) }) })
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Expose = &v1.Expose{Type: v1.ExposeClusterIP} })
	select {
	case <-reached:
	case <-time.After(apiserver.Limit):
		t.Fatal("the operator creates no Service")
	}
	first.Freeze()
	net.Update(func(n *v1.BitcoinNetwork) {
		n.Spec.Expose, n.Spec.Partitions = nil, []v1.Partition{{Nodes: []int32{0, 1}}}
	})
	net.WaitCondition(v1.ConditionConnected, metav1.ConditionTrue, "")
	if holder := leaderOf(t, net); holder == former || holder == "" {
		t.Fatalf("the lease is that of %q", holder)
	}
	if with := net.Get().Status.Nodes[0].ConnectedWith; with != "1" {
		t.Fatalf("node 0 is connected with %s", with)
	}
	second.Kill()
	before := changingCalls(net, nodes)
	net.Wait("the nodes to have the last calls of the second operator", func() error {
		last := before
		if before = changingCalls(net, nodes); before != last {
			return errors.New("they change")
		}
		return nil
	})
	version, written := net.Get().ResourceVersion, len(first.API.Requests(changesMore))
	wake.Do(func() { close(released) })
	first.Wake()
	if log := first.WaitFailed(); !strings.Contains(log, "changes nothing until it has renewed its lease") || !strings.Contains(log, "leader election lost") {
		t.Error("its log does not name the lease")
	}
	if after := changingCalls(net, nodes); after != before {
		t.Errorf("calls before it woke up: %s\nand after that: %s", before, after)
	}
	if sent := first.API.Requests(changesMore)[written:]; len(sent) > 0 || net.Get().ResourceVersion != version {
		t.Errorf("it has sent %v; the version of the network was %s, and is %s", sent, version, net.Get().ResourceVersion)
	}
	ns.StartProgram(options)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = nil })
	net.WaitCondition(v1.ConditionConnected, metav1.ConditionTrue, "")
}

// changesMore matches the writes besides those of the election.
func changesMore(r apiserver.Request) bool {
	return r.Write() && r.Resource != "leases" && r.Resource != "events"
}
