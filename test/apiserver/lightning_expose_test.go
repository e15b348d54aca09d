package apiserver_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// podsOf a Lightning network, by their UIDs.
func podsOf(t *testing.T, ln *apiserver.Lightning) (uids []types.UID) {
	t.Helper()
	for i := range ln.Get().Spec.Nodes {
		pod := &corev1.Pod{}
		ln.Read(ln.PodName(int(i)), pod)
		uids = append(uids, pod.UID)
	}
	return uids
}

// exposedAt waits until the status has these addresses for the gRPC API of all nodes, and their certificates have these names and addresses
// besides those of the Service. A function returns the address for a Service.
func exposedAt(t *testing.T, ln *apiserver.Lightning, kind v1.ExposeType, hosts string, address func(name string, ports map[int32]int32) string) {
	t.Helper()
	ln.Eventually("the addresses with "+string(kind), func(network *v1.LightningNetwork) error {
		for i, n := range network.Status.Nodes {
			name, service := ln.PodName(i)+"-expose", &corev1.Service{}
			if err := ln.Client.Get(t.Context(), client.ObjectKey{Namespace: ln.Namespace.Name, Name: name}, service); err != nil {
				return err
			}
			nodePorts := map[int32]int32{}
			for _, port := range service.Spec.Ports {
				nodePorts[port.Port] = port.NodePort
			}
			inNamespace := name + "." + ln.Namespace.Name
			want, wantHosts := address(name, nodePorts), strings.Join([]string{name, inNamespace, inNamespace + ".svc"}, ",")+hosts
			switch {
			case service.Spec.Type != corev1.ServiceType(kind) || len(nodePorts) != 3:
				return fmt.Errorf("%s is %+v", name, service.Spec)
			case n.Exposed == nil || n.Exposed.GRPC != want:
				return fmt.Errorf("node %d has %+v, want %s", i, n.Exposed, want)
			case ln.Node(i).CertificateHosts() != wantHosts:
				return fmt.Errorf("the certificate of node %d has %q, want %q", i, ln.Node(i).CertificateHosts(), wantHosts)
			}
		}
		return nil
	})
	ln.WaitReady()
}

// No channel is lost: LND restarts in its pod, for another certificate, and one node after the other.
func TestALightningNetworkIsExposedWithoutANewPod(t *testing.T) {
	t.Parallel()
	ln, _, op := withLightning(t, 1, twoChannels)
	ln.WaitReady()
	before := podsOf(t, ln)
	set := func(expose *v1.LightningExpose) { ln.Update(func(n *v1.LightningNetwork) { n.Spec.Expose = expose }) }
	onNodes := func(_ string, nodePorts map[int32]int32) string {
		return fmt.Sprint("127.0.0.1:", nodePorts[v1.LightningGRPCPort])
	}
	set(&v1.LightningExpose{Type: v1.ExposeNodePort})
	exposedAt(t, ln, v1.ExposeNodePort, ",127.0.0.1", onNodes)
	set(&v1.LightningExpose{Type: v1.ExposeNodePort, Hosts: []v1.LightningHost{"lnd.example.com"}})
	exposedAt(t, ln, v1.ExposeNodePort, ",lnd.example.com", onNodes)
	set(&v1.LightningExpose{Type: v1.ExposeLoadBalancer})
	ln.Eventually("no address before the load balancer has one", func(network *v1.LightningNetwork) error {
		if network.Status.ObservedGeneration != network.Generation || network.Status.Nodes[0].Exposed != nil {
			return fmt.Errorf("%+v", network.Status.Nodes[0])
		}
		return nil
	})
	for i := range before {
		service := &corev1.Service{}
		ln.Read(ln.PodName(i)+"-expose", service)
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.7"}}
		if err := ln.Client.Status().Update(t.Context(), service); err != nil {
			t.Fatal(err)
		}
	}
	exposedAt(t, ln, v1.ExposeLoadBalancer, ",192.0.2.7", func(string, map[int32]int32) string { return "192.0.2.7:10009" })
	set(&v1.LightningExpose{Type: v1.ExposeClusterIP})
	exposedAt(t, ln, v1.ExposeClusterIP, "", func(name string, _ map[int32]int32) string { return name + "." + ln.Namespace.Name + ".svc:10009" })
	set(nil)
	ln.Eventually("no Service and no address", func(network *v1.LightningNetwork) error {
		err := ln.Client.Get(t.Context(), client.ObjectKey{Namespace: ln.Namespace.Name, Name: "ln-lnd-2-expose"}, &corev1.Service{})
		if !apierrors.IsNotFound(err) || network.Status.Nodes[2].Exposed != nil || ln.Node(2).CertificateHosts() != "" {
			return errors.Join(fmt.Errorf("%+v", network.Status.Nodes[2]), err)
		}
		return nil
	})
	ln.WaitReady()
	if after := podsOf(t, ln); !slices.Equal(before, after) {
		t.Errorf("the pods were %v, and are %v", before, after)
	}
	openedOnce(t, ln.Namespace, 2)
	if restarts := ln.Lightning().Restarts(); restarts != 1 {
		t.Errorf("%d LNDs restarted at the same time", restarts)
	}
	if err := op.Stop(); err != nil {
		t.Error(err)
	}
}
