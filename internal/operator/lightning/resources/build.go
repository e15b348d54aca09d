package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Settings of the operator, which are the same for all networks.
type Settings struct {
	// Image is used where the spec names none.
	Image string
	// Delivery brings the program lnd-agent into the pods.
	Delivery resources.RPCAuthDelivery
	// Credential derives the operator's credential at the agents of a network from its UID.
	Credential func(network *v1.LightningNetwork) bitcoind.Credential
}

// Build returns the objects of a network, in the order in which they are to be applied. Without nodes of its BitcoinNetwork, which may be
// nil, the Services for them are missing: existing ones must stay, since LND resolves their names only when it starts.
func Build(network *v1.LightningNetwork, bitcoin *v1.BitcoinNetwork, settings Settings) []client.Object {
	config := configMap(network, settings)
	objects := []client.Object{headlessService(network)}
	for i := range int(network.Spec.Nodes) {
		objects = append(objects, nodeService(network, i))
		if network.Spec.Expose != nil {
			objects = append(objects, exposeService(network, i))
		}
		if backend, ok := BackendOf(bitcoin, i); ok {
			objects = append(objects, backendService(network, i, bitcoin, backend))
		}
	}
	return append(objects, config, statefulSet(network, settings, config))
}

func meta(network *v1.LightningNetwork, name string) metav1.ObjectMeta {
	return resources.Owned(network, Kind, name, Labels(network.Name))
}

// headlessService gives the pods their names. Like the other Services it has pods that are not ready: LND has peers before it is active,
// and a name that appears with readiness only would delay them.
func headlessService(network *v1.LightningNetwork) *corev1.Service {
	service := service(network, ObjectName(network.Name), Labels(network.Name), nodePorts())
	service.Spec.ClusterIP = corev1.ClusterIPNone
	return service
}

// nodeService has an address that stays when the pod is replaced: peers store it, and the node announces it.
func nodeService(network *v1.LightningNetwork, ordinal int) *corev1.Service {
	name := PodName(network.Name, ordinal)
	return service(network, name, podSelector(name), nodePorts())
}

// exposeService has an address outside of the cluster, which leads to a node that is ready.
func exposeService(network *v1.LightningNetwork, ordinal int) *corev1.Service {
	service := service(network, ExposeServiceName(network.Name, ordinal), podSelector(PodName(network.Name, ordinal)), nodePorts())
	service.Labels[resources.LabelComponent] = "expose"
	service.Spec.Type, service.Spec.PublishNotReadyAddresses = corev1.ServiceType(network.Spec.Expose.Type), false
	return service
}

// backendService has an address that stays when the pod of the bitcoind is replaced: LND resolves its name once, when it starts.
func backendService(network *v1.LightningNetwork, ordinal int, bitcoin *v1.BitcoinNetwork, backend Backend) *corev1.Service {
	ports := []corev1.ServicePort{servicePort("rpc", v1.RPCPort)}
	if bitcoin.Spec.ZMQ != nil {
		ports = append(ports, servicePort("zmq-rawblock", v1.ZMQRawBlockPort), servicePort("zmq-rawtx", v1.ZMQRawTxPort))
	}
	for i := range ports {
		ports[i].TargetPort = intstr.FromInt32(v1.PortInSlot(ports[i].Port, int32(backend.Slot))) //nolint:gosec // at most v1.MaxNodesPerPod
	}
	return service(network, BackendServiceName(network.Name, ordinal), podSelector(backend.Pod), ports)
}

func service(network *v1.LightningNetwork, name string, selector map[string]string, ports []corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta(network, name),
		Spec:       corev1.ServiceSpec{PublishNotReadyAddresses: true, Selector: selector, Ports: ports},
	}
}

func podSelector(pod string) map[string]string {
	return map[string]string{"statefulset.kubernetes.io/pod-name": pod}
}

func nodePorts() []corev1.ServicePort {
	return []corev1.ServicePort{
		servicePort("p2p", v1.LightningP2PPort), servicePort("grpc", v1.LightningGRPCPort), servicePort("rest", v1.LightningRESTPort),
	}
}

func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}

// configMap has lnd.conf without secrets, and the hash of the operator's credential.
func configMap(network *v1.LightningNetwork, settings Settings) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(network, ObjectName(network.Name)),
		Data: map[string]string{
			api.ConfigKey: render(network), api.CredentialKey: settings.Credential(network).RPCAuth(),
		},
	}
}

// AllowsCredential reports whether a ConfigMap has the operator's credential for the agents.
func AllowsCredential(config *corev1.ConfigMap, credential bitcoind.Credential) bool {
	return config.Data[api.CredentialKey] == credential.RPCAuth()
}
