// Package resources builds the Kubernetes objects of a LightningNetwork: pure functions of it, of its BitcoinNetwork and of the operator's
// settings. Equal input gives equal objects, so that a restart of the operator changes none.
package resources

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// NameValue is the value of resources.LabelName on all objects of a LightningNetwork.
	NameValue = "lnd"
	// ContainerName is the name of the container that runs LND.
	ContainerName = "lnd"
	// Kind is that of the owner of the objects.
	Kind = "LightningNetwork"
)

// ObjectName is the name of the network's StatefulSet, of its ConfigMap and of its headless Service.
func ObjectName(network string) string { return network + "-lnd" }

// PodName is the name of the pod of a node, and that of the Service with its address.
func PodName(network string, ordinal int) string {
	return fmt.Sprintf("%s-%d", ObjectName(network), ordinal)
}

// BackendServiceName is the name of the Service by which a node reaches its bitcoind.
func BackendServiceName(network string, ordinal int) string {
	return PodName(network, ordinal) + "-bitcoind"
}

// ExposeServiceName is the name of the Service of a node with spec.expose.
func ExposeServiceName(network string, ordinal int) string {
	return PodName(network, ordinal) + "-expose"
}

// ClaimName is the name of the claim of a node.
func ClaimName(network string, ordinal int) string {
	return resources.ClaimName(PodName(network, ordinal))
}

// Labels of every object of the network. Those of its pods are the same.
func Labels(network string) map[string]string {
	return map[string]string{
		resources.LabelName: NameValue, resources.LabelInstance: network, resources.LabelManagedBy: resources.ManagedByValue,
	}
}

// NetworkOf returns the name of the LightningNetwork that an object belongs to, "" for objects without its labels.
func NetworkOf(labels map[string]string) string {
	if labels[resources.LabelManagedBy] != resources.ManagedByValue || labels[resources.LabelName] != NameValue {
		return ""
	}
	return labels[resources.LabelInstance]
}

// Ordinal of the node of a pod; false for a name that no pod of the network has.
func Ordinal(network, pod string) (int, bool) {
	number, ok := strings.CutPrefix(pod, ObjectName(network)+"-")
	if !ok {
		return 0, false
	}
	ordinal, err := strconv.Atoi(number)
	return ordinal, err == nil && ordinal >= 0 && PodName(network, ordinal) == pod
}

// Alias is the one that a node announces.
func Alias(network *v1.LightningNetwork, ordinal int) string {
	return aliasPrefix(network) + strconv.Itoa(ordinal)
}

// aliasPrefix is short enough: LND announces at most 32 bytes, and the last node of the largest network has a number of two digits.
func aliasPrefix(network *v1.LightningNetwork) string {
	alias := network.Spec.Alias
	if alias == "" {
		alias = network.Name
	}
	return alias[:min(len(alias), maxAlias)] + "-"
}

// maxAlias is the limit of spec.alias. The name of the network may be longer.
const maxAlias = 28
