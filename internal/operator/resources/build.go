package resources

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// configKey is the key of bitcoin.conf in its ConfigMap.
const configKey = "bitcoin.conf"

// Settings of the operator, which are the same for all networks.
type Settings struct {
	// NodeImage is used where the spec names none.
	NodeImage string
	// RPCAuth is the delivery of the rpcauth line to the pods of networks with a Secret.
	RPCAuth RPCAuthDelivery
	// EarlierNodes builds the nodes as earlier releases did.
	EarlierNodes bool
	// Credential derives the operator's credential for a network from its UID.
	Credential func(network *v1.BitcoinNetwork) bitcoind.Credential
	// Lightning derives the credential of LND for a network from its UID; nil for an operator that runs no LightningNetworks, whose nodes do
	// not have it.
	Lightning func(network *v1.BitcoinNetwork) bitcoind.Credential
}

// lightning is LND's credential for a network, without a user if there is none.
func (s Settings) lightning(network *v1.BitcoinNetwork) bitcoind.Credential {
	if s.Lightning == nil {
		return bitcoind.Credential{}
	}
	return s.Lightning(network)
}

// Build returns the objects of a network, in the order in which they are to be applied. The ConfigMap of a StatefulSet is the object
// before it.
func Build(network *v1.BitcoinNetwork, settings Settings) []client.Object {
	objects := []client.Object{headlessService(network)}
	for _, group := range Groups(network, settings.NodeImage) {
		conf := bitcoinConf{
			operator:   settings.Credential(network),
			lightning:  settings.lightning(network),
			userSecret: network.Spec.Secret != "",
			earlier:    settings.EarlierNodes,
			zmq:        network.Spec.ZMQ,
			volume:     network.Spec.Storage != nil,
			packed:     group.Packed(),
			extra:      group.Options,
		}.render()
		if group.Packed() {
			objects = append(objects, slotsConfigMap(network, group))
		}
		objects = append(objects, configMap(network, group, conf), statefulSet(network, group, settings, Hash(conf)))
	}
	return append(objects, exposeServices(network, settings)...)
}

func meta(network *v1.BitcoinNetwork, name string, labels map[string]string) metav1.ObjectMeta {
	return Owned(network, "BitcoinNetwork", name, labels)
}

// headlessService also publishes addresses that are not ready: DNS names that appear only with readiness would delay connections.
func headlessService(network *v1.BitcoinNetwork) *corev1.Service {
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta(network, ServiceName(network.Name), Labels(network.Name)),
		Spec: corev1.ServiceSpec{
			ClusterIP:                corev1.ClusterIPNone,
			PublishNotReadyAddresses: true,
			Selector:                 Labels(network.Name),
			Ports:                    servicePorts(network),
		},
	}
	return service
}

func configMap(network *v1.BitcoinNetwork, group Group, conf string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(network, group.ConfigMap, group.Selector(network.Name)),
		Data:       map[string]string{configKey: conf},
	}
}

func servicePorts(network *v1.BitcoinNetwork) []corev1.ServicePort {
	ports := portsOf(network)
	list := make([]corev1.ServicePort, len(ports))
	for i, p := range ports {
		list[i] = corev1.ServicePort{Name: p.name, Port: p.port, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString(p.name)}
	}
	return list
}

// exposeServices have addresses that stay: one Service for all nodes, or one for each. A Service has one port of each pod: the one for all
// nodes reaches the first node of each pod with several.
func exposeServices(network *v1.BitcoinNetwork, settings Settings) []client.Object {
	expose := network.Spec.Expose
	if expose == nil {
		return nil
	}
	service := func(name string, selector map[string]string, ports []corev1.ServicePort) client.Object {
		return &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: meta(network, name, exposeLabels(network.Name)),
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceType(expose.Type), Selector: selector, Ports: ports},
		}
	}
	if !expose.PerNode {
		return []client.Object{service(network.Name+"-expose", Labels(network.Name), servicePorts(network))}
	}
	var services []client.Object
	for _, group := range Groups(network, settings.NodeImage) {
		for i := range group.Nodes {
			pod, slot := group.PodName(i), group.SlotOf(i)
			name, ports := pod+"-expose", servicePorts(network)
			if group.Packed() {
				name, ports = fmt.Sprintf("%s-%d-expose", pod, slot), slotPorts(network, slot)
			}
			services = append(services, service(name, map[string]string{"statefulset.kubernetes.io/pod-name": pod}, ports))
		}
	}
	return services
}

func exposeLabels(network string) map[string]string {
	labels := Labels(network)
	labels[LabelComponent] = "expose"
	return labels
}

// ConfigHashOf is the hash of the bitcoin.conf in a ConfigMap, as the pod template has it.
func ConfigHashOf(config *corev1.ConfigMap) string { return Hash(config.Data[configKey]) }

// AllowsCredential reports whether the bitcoin.conf in a ConfigMap has the operator's credential.
func AllowsCredential(config *corev1.ConfigMap, credential bitcoind.Credential) bool {
	return strings.Contains(config.Data[configKey], credential.RPCAuth())
}

// Hash is short, for annotations of pod templates.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
