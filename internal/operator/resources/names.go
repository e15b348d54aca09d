// Package resources builds the Kubernetes objects of a network: pure functions of the BitcoinNetwork and the operator's
// settings. Equal input gives equal objects, so that a restart of the operator changes none.
package resources

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Labels of the objects of a network, and values that are the same for all.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelComponent = "app.kubernetes.io/component"
	// LabelGroup carries the name of the node group; MainGroup for the main one.
	LabelGroup = v1.GroupName + "/group"
	// AnnotationConfigHash in a pod template restarts the nodes when their bitcoin.conf changes.
	AnnotationConfigHash = v1.GroupName + "/config-hash"

	NameValue      = "bitcoind"
	ManagedByValue = "bitcoin-controller"
	// MainGroup cannot be the name of a group of the spec, which has small letters only.
	MainGroup = "Main"
)

// FieldManager is the operator's name in server-side apply.
const FieldManager = "bitcoin-controller"

// ServiceName is the name of the network's headless Service.
func ServiceName(network string) string { return network + "-svc" }

// NetworkOf returns the name of the network that an object belongs to, "" for objects without the labels of a network.
func NetworkOf(labels map[string]string) string {
	if labels[LabelManagedBy] != ManagedByValue || labels[LabelName] != NameValue {
		return ""
	}
	return labels[LabelInstance]
}

// Group is the nodes of one StatefulSet, with the defaults filled in.
type Group struct {
	// Name as in the spec, "" for the main group.
	Name string
	// First ordinal in the network.
	First int
	// Nodes is their number, and PerPod how many of them a pod has.
	Nodes, PerPod int
	Image         string
	// Options of bitcoin.conf with their values.
	Options map[string][]string
	// StatefulSet and ConfigMap are the names of the group's objects.
	StatefulSet string
	ConfigMap   string
}

// Groups returns the main group and the others, in the order in which their nodes are numbered.
func Groups(network *v1.BitcoinNetwork, defaultImage string) []Group {
	image := network.Spec.Image
	if image == "" {
		image = defaultImage
	}
	all := optionsOf{network.Spec.Config, network.Spec.ConfigLists}
	groups := make([]Group, 0, 1+len(network.Spec.Groups))
	groups = append(groups, Group{
		Nodes: int(network.Spec.Nodes), PerPod: network.Spec.NodesInPod(), Image: image, Options: merge(all),
		StatefulSet: network.Name + "-sts", ConfigMap: network.Name + "-config",
	})
	next := int(network.Spec.Nodes)
	for _, g := range network.Spec.Groups {
		group := Group{
			Name: g.Name, First: next, Nodes: int(g.Nodes), PerPod: network.Spec.NodesInPod(), Image: g.Image, Options: merge(all, optionsOf{g.Config, g.ConfigLists}),
			StatefulSet: fmt.Sprintf("%s-%s-sts", network.Name, g.Name),
			ConfigMap:   fmt.Sprintf("%s-%s-config", network.Name, g.Name),
		}
		if group.Image == "" {
			group.Image = image
		}
		groups = append(groups, group)
		next += group.Nodes
	}
	return groups
}

// Packed reports whether a pod has several nodes, or may have.
func (g Group) Packed() bool { return g.PerPod > 1 }

// Pods is the number of the group's pods.
func (g Group) Pods() int { return g.PodsFor(g.Nodes) }

// PodsFor is the number of pods that the group needs for a number of nodes.
func (g Group) PodsFor(nodes int) int { return (nodes + max(g.PerPod, 1) - 1) / max(g.PerPod, 1) }

// PodOf is the number of the pod of the i-th node of the group, counted from 0, and SlotOf its number in the pod.
func (g Group) PodOf(i int) int  { return i / max(g.PerPod, 1) }
func (g Group) SlotOf(i int) int { return i % max(g.PerPod, 1) }

// PodName of the i-th node of the group, counted from 0.
func (g Group) PodName(i int) string { return fmt.Sprintf("%s-%d", g.StatefulSet, g.PodOf(i)) }

// IsStatefulSetName reports whether a StatefulSet of a network may have a name, with any groups.
func IsStatefulSetName(network, name string) bool {
	group, ok := strings.CutPrefix(name, network+"-")
	return ok && (group == "sts" || len(group) > len("-sts") && strings.HasSuffix(group, "-sts"))
}

// IsPodName reports whether a pod of such a StatefulSet may have a name.
func IsPodName(network, name string) bool {
	at := strings.LastIndexByte(name, '-')
	if at < 0 {
		return false
	}
	_, err := strconv.ParseUint(name[at+1:], 10, 31)
	return err == nil && IsStatefulSetName(network, name[:at])
}

// ClaimName is the name of the claim of a pod.
func ClaimName(pod string) string { return dataVolume + "-" + pod }

// Ordinal in the network of the first node of a pod of this group.
func (g Group) Ordinal(pod string) (int, bool) {
	number, ok := strings.CutPrefix(pod, g.StatefulSet+"-")
	if !ok {
		return 0, false
	}
	var i int
	if _, err := fmt.Sscanf(number, "%d", &i); err != nil || fmt.Sprintf("%s-%d", g.StatefulSet, i) != pod {
		return 0, false
	}
	first := i * max(g.PerPod, 1)
	return g.First + first, first < g.Nodes
}

// Labels of every object of the network.
func Labels(network string) map[string]string {
	return map[string]string{LabelName: NameValue, LabelInstance: network, LabelManagedBy: ManagedByValue}
}

// Selector finds the group's pods.
func (g Group) Selector(network string) map[string]string {
	labels := Labels(network)
	labels[LabelGroup] = MainGroup
	if g.Name != "" {
		labels[LabelGroup] = g.Name
	}
	return labels
}

// optionsOf a network or of a group.
type optionsOf struct {
	single v1.Config
	lists  v1.ConfigLists
}

// merge replaces the values of an option by those of later arguments.
func merge(all ...optionsOf) map[string][]string {
	merged := map[string][]string{}
	for _, options := range all {
		for key, value := range options.single {
			merged[key] = []string{string(value)}
		}
		for key, values := range options.lists {
			merged[key] = make([]string, len(values))
			for i, value := range values {
				merged[key][i] = string(value)
			}
		}
	}
	return merged
}

// nodePort is a port of a node, as Service port or container port.
type nodePort struct {
	name string
	port int32
}

// portsOf returns the ports of the nodes of a network.
func portsOf(network *v1.BitcoinNetwork) []nodePort {
	return append([]nodePort{{"rpc", v1.RPCPort}, {"p2p", v1.P2PPort}}, zmqPorts(network.Spec.ZMQ)...)
}

func containerPorts(network *v1.BitcoinNetwork) []corev1.ContainerPort {
	ports := portsOf(network)
	list := make([]corev1.ContainerPort, len(ports))
	for i, p := range ports {
		list[i] = corev1.ContainerPort{Name: p.name, ContainerPort: p.port, Protocol: corev1.ProtocolTCP}
	}
	return list
}
