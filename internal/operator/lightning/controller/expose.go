package controller

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// setExposed sets the addresses of all nodes at their Services of spec.expose, and what their certificates need for them. Nodes that are
// leaving have them too: another certificate would restart their LND while it closes its channels.
func setExposed(network *v1.LightningNetwork, existing map[string]client.Object, nodes []node) {
	if network.Spec.Expose == nil {
		return
	}
	for i := range nodes {
		n := &nodes[i]
		service, ok := existing["Service "+resources.ExposeServiceName(network.Name, n.ordinal)].(*corev1.Service)
		// Not one whose type the operator has yet to change.
		if !ok || !metav1.IsControlledBy(service, network) || service.Spec.Type != corev1.ServiceType(network.Spec.Expose.Type) {
			service = nil
		}
		hosts := exposedHosts(network, n, service)
		n.exposed = exposedAddresses(service, hosts)
		n.certificateHosts = certificateHosts(network, n.ordinal, hosts)
	}
}

// exposedHosts are where clients outside of the pod reach a node, as far as the cluster has them. The Service may be nil.
func exposedHosts(network *v1.LightningNetwork, n *node, service *corev1.Service) (hosts []string) {
	switch network.Spec.Expose.Type {
	case v1.ExposeNodePort:
		if n.pod != nil && n.pod.Status.HostIP != "" {
			hosts = append(hosts, n.pod.Status.HostIP)
		}
	case v1.ExposeLoadBalancer:
		if service == nil {
			return nil
		}
		for _, at := range service.Status.LoadBalancer.Ingress {
			for _, host := range []string{at.IP, at.Hostname} {
				if host != "" {
					hosts = append(hosts, host)
				}
			}
		}
	default:
		hosts = append(hosts, fmt.Sprintf("%s.%s.svc", resources.ExposeServiceName(network.Name, n.ordinal), network.Namespace))
	}
	return hosts
}

// exposedAddresses are those at the first host, nil while there is none.
func exposedAddresses(service *corev1.Service, hosts []string) *v1.LightningExposedAddresses {
	if service == nil || len(hosts) == 0 {
		return nil
	}
	ports := map[int32]int32{}
	for _, p := range service.Spec.Ports {
		ports[p.Port] = p.Port
		if service.Spec.Type == corev1.ServiceTypeNodePort {
			ports[p.Port] = p.NodePort
		}
	}
	addresses := &v1.LightningExposedAddresses{}
	for port, address := range map[int32]*string{
		v1.LightningGRPCPort: &addresses.GRPC, v1.LightningRESTPort: &addresses.REST, v1.LightningP2PPort: &addresses.P2P,
	} {
		if ports[port] == 0 {
			return nil
		}
		*address = net.JoinHostPort(hosts[0], strconv.Itoa(int(ports[port])))
	}
	return addresses
}

// certificateHosts are the names of the Service, and the hosts of the spec, or else those that the cluster has, in an order that does not depend
// on theirs: another one would restart LND. The agent rejects all for one that no certificate can have, as those of a cluster and of an object from
// before the definition had its rule may be.
func certificateHosts(network *v1.LightningNetwork, ordinal int, known []string) string {
	name := resources.ExposeServiceName(network.Name, ordinal)
	hosts := []string{name, name + "." + network.Namespace, name + "." + network.Namespace + ".svc"}
	if len(network.Spec.Expose.Hosts) > 0 {
		known = nil
	}
	for _, host := range network.Spec.Expose.Hosts {
		known = append(known, string(host))
	}
	for _, host := range slices.Sorted(slices.Values(known)) {
		if api.IsHost(host) && !slices.Contains(hosts, host) && len(hosts) < api.MaxCertificateHosts {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",")
}
