package apiserver_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// The simulated bitcoind is one without ZMQ, until the test gives it publishers.
func TestMissingPublishersStallANetworkUntilTheyExist(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1, ZMQ: &v1.ZMQ{}})
	net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonPublishersMissing)
	if got := net.Condition(v1.ConditionReady).Message; !strings.Contains(got, "net-sts-0 (its bitcoind may be built without ZMQ: Method not found (-32601))") {
		t.Error(got)
	}
	if got := net.Get().Status; got.ReadyNodes != 1 || got.Nodes[0].Version == "" {
		t.Errorf("the node answers, and the status is %+v", got.Nodes)
	}
	net.Node(0).Handle(bitcoind.MethodPublishers, func(string, []any) (any, error) { return resources.Publishers(net.Pod(0)), nil })
	net.WaitReady()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.ZMQ = nil })
	net.WaitReady()
	waitForPasses(net, 3)
	if calls := net.Node(0).Calls(bitcoind.MethodPublishers); calls > 0 {
		t.Errorf("a node without publishers got the call for them %d times", calls)
	}
}

// The API server releases the ports and the settings of the former type, which the operator does not specify.
func TestTheServicesFollowTheSpec(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 1, Expose: &v1.Expose{Type: v1.ExposeClusterIP, PerNode: true}})
	address := serviceBecomes(net, v1.ExposeClusterIP, 2)
	for _, next := range []v1.ExposeType{v1.ExposeNodePort, v1.ExposeLoadBalancer, v1.ExposeClusterIP, v1.ExposeLoadBalancer, v1.ExposeNodePort, v1.ExposeClusterIP} {
		net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Expose.Type = next })
		if got := serviceBecomes(net, next, 2); got != address {
			t.Errorf("with type %s the address is %s, and was %s", next, got, address)
		}
	}
	net.WaitReady()
	before := len(op.API.Writes())
	waitForPasses(net, 5)
	if after := op.API.Writes(); len(after) > before {
		t.Errorf("nothing changes, and the operator writes %v", after[before:])
	}
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.ZMQ = &v1.ZMQ{} })
	serviceBecomes(net, v1.ExposeClusterIP, 7)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.ZMQ = nil })
	if got := serviceBecomes(net, v1.ExposeClusterIP, 2); got != address {
		t.Errorf("the address is %s, and was %s", got, address)
	}
}

// serviceBecomes waits until the Service of the first node has a type and a number of ports, and returns its address.
func serviceBecomes(net *apiserver.Network, want v1.ExposeType, ports int) string {
	service := &corev1.Service{}
	net.Wait(fmt.Sprintf("its Service to be of type %s, with %d ports", want, ports), func() error {
		service = &corev1.Service{}
		net.Read(net.PodName(0)+"-expose", service)
		onNodes := func(p corev1.ServicePort) bool { return p.NodePort != 0 }
		switch spec := service.Spec; {
		case spec.Type != corev1.ServiceType(want) || len(spec.Ports) != ports:
			return fmt.Errorf("type %s, ports %v", spec.Type, spec.Ports)
		case slices.ContainsFunc(spec.Ports, onNodes) != (want != v1.ExposeClusterIP):
			return fmt.Errorf("ports of cluster nodes: %v", spec.Ports)
		case spec.ClusterIP == "" || spec.ClusterIP == corev1.ClusterIPNone:
			return errors.New("it has no address")
		}
		return nil
	})
	return service.Spec.ClusterIP
}
