package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// exposedNetwork is one with a node, whose pod runs.
func exposedNetwork(expose *v1.LightningExpose) (*v1.LightningNetwork, []node) {
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ln", UID: "1"}, Spec: v1.LightningNetworkSpec{Nodes: 1, Expose: expose}}
	return network, []node{{podName: "ln-lnd-0", pod: &corev1.Pod{Status: corev1.PodStatus{HostIP: "172.18.0.2"}}}}
}

func exposingService(network *v1.LightningNetwork, kind corev1.ServiceType, balancer ...corev1.LoadBalancerIngress) *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(network, v1.SchemeGroupVersion.WithKind("LightningNetwork"))}},
		Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{
			{Port: v1.LightningP2PPort, NodePort: 31735}, {Port: v1.LightningGRPCPort, NodePort: 31009}, {Port: v1.LightningRESTPort, NodePort: 31080},
		}},
	}
	service.Status.LoadBalancer.Ingress = balancer
	return service
}

func TestTheAddressesOfANodeAreThoseOfItsService(t *testing.T) {
	const names = "ln-lnd-0-expose,ln-lnd-0-expose.ns,ln-lnd-0-expose.ns.svc"
	nodePort, balancer := corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer
	for name, test := range map[string]struct {
		expose   *v1.LightningExpose
		service  corev1.ServiceType // "" for none
		balancer []corev1.LoadBalancerIngress
		grpc     string
		rest     string
		hosts    string
	}{
		"not exposed":               {nil, nodePort, nil, "", "", ""},
		"within the cluster":        {&v1.LightningExpose{Type: v1.ExposeClusterIP}, corev1.ServiceTypeClusterIP, nil, "ln-lnd-0-expose.ns.svc:10009", "ln-lnd-0-expose.ns.svc:8080", names},
		"on cluster nodes":          {&v1.LightningExpose{Type: v1.ExposeNodePort}, nodePort, nil, "172.18.0.2:31009", "172.18.0.2:31080", names + ",172.18.0.2"},
		"no Service yet":            {&v1.LightningExpose{Type: v1.ExposeNodePort}, "", nil, "", "", names + ",172.18.0.2"},
		"one of the former type":    {&v1.LightningExpose{Type: v1.ExposeNodePort}, balancer, nil, "", "", names + ",172.18.0.2"},
		"no load balancer yet":      {&v1.LightningExpose{Type: v1.ExposeLoadBalancer}, balancer, nil, "", "", names},
		"a load balancer":           {&v1.LightningExpose{Type: v1.ExposeLoadBalancer}, balancer, []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}, {Hostname: "lb.example.com"}}, "192.0.2.1:10009", "192.0.2.1:8080", names + ",192.0.2.1,lb.example.com"},
		"a load balancer with IPv6": {&v1.LightningExpose{Type: v1.ExposeLoadBalancer}, balancer, []corev1.LoadBalancerIngress{{IP: "fd00::1"}}, "[fd00::1]:10009", "[fd00::1]:8080", names + ",fd00::1"},
		// The certificate then does not depend on the place of the pod.
		"hosts of the user":            {&v1.LightningExpose{Type: v1.ExposeNodePort, Hosts: []v1.LightningHost{"lnd.example.com", "ln-lnd-0-expose", "192.0.2.9"}}, nodePort, nil, "172.18.0.2:31009", "172.18.0.2:31080", names + ",192.0.2.9,lnd.example.com"},
		"what no certificate can have": {&v1.LightningExpose{Type: v1.ExposeNodePort, Hosts: []v1.LightningHost{"1:2:3", "::1"}}, nodePort, nil, "172.18.0.2:31009", "172.18.0.2:31080", names + ",::1"},
		"in another order":             {&v1.LightningExpose{Type: v1.ExposeLoadBalancer}, balancer, []corev1.LoadBalancerIngress{{Hostname: "lb.example.com"}, {IP: "192.0.2.1"}}, "lb.example.com:10009", "lb.example.com:8080", names + ",192.0.2.1,lb.example.com"},
	} {
		network, nodes := exposedNetwork(test.expose)
		existing := map[string]client.Object{}
		if test.service != "" {
			existing["Service ln-lnd-0-expose"] = exposingService(network, test.service, test.balancer...)
		}
		setExposed(network, existing, nodes)
		var got v1.LightningExposedAddresses
		if nodes[0].exposed != nil {
			got = *nodes[0].exposed
		}
		if got.GRPC != test.grpc || got.REST != test.rest || (got.P2P == "") != (test.grpc == "") {
			t.Errorf("%s: the addresses are %+v", name, got)
		}
		if diff := cmp.Diff(test.hosts, nodes[0].certificateHosts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAForeignServiceExposesNothing(t *testing.T) {
	network, nodes := exposedNetwork(&v1.LightningExpose{Type: v1.ExposeNodePort})
	foreign := exposingService(network, corev1.ServiceTypeNodePort)
	foreign.OwnerReferences = nil
	setExposed(network, map[string]client.Object{"Service ln-lnd-0-expose": foreign}, nodes)
	if nodes[0].exposed != nil {
		t.Errorf("%+v", nodes[0].exposed)
	}
}
