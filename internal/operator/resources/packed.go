package resources

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A pod with several nodes runs the program supervisor in bitcoind's container, which runs the nodes. How many they are is in a ConfigMap
// that is no part of the pod template: a network that is scaled restarts no pod.

const (
	nodesVolume = "nodes"
	slotsVolume = "slots"
	// nodesVolumeSize is enough for 250 configurations of several pages of memory. What is not used costs nothing.
	nodesVolumeSize = "64Mi"

	supervisorPort = "supervisor"
	// killSeconds of the grace period remain when the supervisor kills the processes that have not ended.
	killSeconds = 5
)

// packedContainer makes the container of one node that of several.
func packedContainer(node *corev1.Container, network *v1.BitcoinNetwork, group Group) {
	node.Command = []string{
		ProgramPath(api.Program), "--port-step=" + strconv.Itoa(int(v1.PortInSlot(0, 1))),
		fmt.Sprintf("--grace=%ds", gracePeriodSeconds-killSeconds), "--", "bitcoind",
	}
	field := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
	}
	node.Env = []corev1.EnvVar{
		{Name: homeVariable, Value: api.NodesDir},
		{Name: "MALLOC_ARENA_MAX", Value: "1"},
		field(api.PodNameVariable, "metadata.name"), field(api.PodIPsVariable, "status.podIPs"),
	}
	node.Ports = append(node.Ports, corev1.ContainerPort{Name: supervisorPort, ContainerPort: api.Port, Protocol: corev1.ProtocolTCP})
	node.ReadinessProbe.HTTPGet = &corev1.HTTPGetAction{Path: api.ReadyPath, Port: intstr.FromString(supervisorPort)}
	node.Resources = packedResources(network.Spec.Resources, group.PerPod)
	node.VolumeMounts = []corev1.VolumeMount{
		{Name: dataVolume, MountPath: dataDir},
		{Name: configVolume, MountPath: configPath, SubPath: configKey, ReadOnly: true},
		{Name: nodesVolume, MountPath: api.NodesDir},
		// The kubelet updates a directory, and no file that is mounted by itself.
		{Name: slotsVolume, MountPath: api.SlotsDir, ReadOnly: true},
	}
}

// packedVolumes are the volumes that only pods with several nodes have.
func packedVolumes(group Group) []corev1.Volume {
	return []corev1.Volume{
		MemoryVolume(nodesVolume, nodesVolumeSize),
		{Name: slotsVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: group.SlotsConfigMap()},
		}}},
	}
}

// packedResources are those of a node times the nodes of a pod. Without any in the spec a node requests less than one with a pod of
// its own: 500 of them, of 22 to 41 MiB each and idle but for a block now and then, fit on one machine.
func packedResources(specified *corev1.ResourceRequirements, nodes int) corev1.ResourceRequirements {
	each := corev1.ResourceRequirements{Requests: Quantities("1m", "32Mi"), Limits: Quantities("1", "256Mi")}
	if specified != nil {
		each = *specified
	}
	times := func(list corev1.ResourceList) corev1.ResourceList {
		if list == nil {
			return nil
		}
		product := corev1.ResourceList{}
		for name, quantity := range list {
			value := quantity.DeepCopy()
			value.Mul(int64(nodes))
			product[name] = value
		}
		return product
	}
	return corev1.ResourceRequirements{Requests: times(each.Requests), Limits: times(each.Limits), Claims: each.Claims}
}

// SlotsConfigMap is the name of the ConfigMap with the number of the group's nodes, for pods with several nodes.
func (g Group) SlotsConfigMap() string { return strings.TrimSuffix(g.StatefulSet, "-sts") + "-slots" }

// slotsConfigMap has what a pod's share of the group's nodes follows from.
func slotsConfigMap(network *v1.BitcoinNetwork, group Group) *corev1.ConfigMap {
	object := configMap(network, group, "")
	object.Name = group.SlotsConfigMap()
	object.Data = map[string]string{
		api.NodesKey: strconv.Itoa(group.Nodes), api.NodesPerPodKey: strconv.Itoa(group.PerPod), api.RevisionKey: strconv.FormatInt(network.Generation, 10),
	}
	return object
}

// slotPorts are the ports of a Service for one node of a pod with several.
func slotPorts(network *v1.BitcoinNetwork, slot int) []corev1.ServicePort {
	ports := servicePorts(network)
	for i := range ports {
		ports[i].TargetPort = intstr.FromInt32(v1.PortInSlot(ports[i].Port, int32(slot))) //nolint:gosec // at most MaxNodesPerPod
	}
	return ports
}
