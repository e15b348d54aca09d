//go:build e2e

package network

import (
	"fmt"
	"net"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Where nodes are, for networks with one node in a pod and with several. Tests name a node as the operator does: by its pod, and by
// POD/SLOT where pods have several. Everything that follows from that is in this file.

// packed is spec.nodesPerPod of the networks in which nodes share pods.
const packed = 4

// packings runs a test with a pod for each node, and with several nodes in a pod.
func packings(t *testing.T, test func(t *testing.T, perPod int)) {
	t.Parallel()
	for _, perPod := range []int{1, packed} {
		t.Run(fmt.Sprintf("%d-in-a-pod", perPod), func(t *testing.T) {
			if perPod > 1 {
				skipInDemo(t)
			}
			test(t, perPod)
		})
	}
}

// sized is the first number for networks with one node in a pod, and the second one for those with several: the nodes of these are in two
// pods or more where the test needs it.
func sized(perPod, one, several int) int {
	if perPod > 1 {
		return several
	}
	return one
}

// newPackedEnv is newEnv for networks with so many nodes in a pod. A pod is most of what a small node costs.
func newPackedEnv(t *testing.T, nodes, perPod int) *testEnv {
	t.Helper()
	needed := nodes
	if perPod > 1 {
		needed = podsFor(nodes, perPod) + nodes/packed
	}
	return newEnv(t, needed).packed(perPod)
}

// packed is the same environment, in which new networks have so many nodes in a pod.
func (env *testEnv) packed(perPod int) *testEnv {
	return &testEnv{T: env.T, namespace: env.namespace, perPod: perPod}
}

// within is the same environment for a subtest.
func (env *testEnv) within(t *testing.T) *testEnv {
	return &testEnv{T: t, namespace: env.namespace, perPod: env.perPod}
}

// nodesInPod is the number of nodes in a pod.
func (env *testEnv) nodesInPod() int { return max(env.perPod, 1) }

func podsFor(nodes, perPod int) int { return (nodes + perPod - 1) / perPod }

// pods is the number of pods that so many nodes need.
func (env *testEnv) pods(nodes int) int { return podsFor(nodes, env.nodesInPod()) }

// podName is that of a pod of a network or, as NETWORK-GROUP, of a group.
func podName(name string, ordinal int) string { return fmt.Sprintf("%s-sts-%d", name, ordinal) }

// node is the name of a node of a network or, as NETWORK-GROUP, of a group.
func (env *testEnv) node(name string, i int) string {
	perPod := env.nodesInPod()
	return noderef.Place{Pod: podName(name, i/perPod), Slot: int32(i % perPod), Packed: perPod > 1}.String() //nolint:gosec // a small number
}

// podOf is the pod of a node.
func podOf(node string) string { return noderef.At(node).Pod }

// dataDir is the data directory of a node in its pod.
func dataDir(node string) string {
	place := noderef.At(node)
	if !place.Packed {
		return "/data"
	}
	return fmt.Sprintf("/data/nodes/%d", place.Slot)
}

// serviceOf is the Service of a node with expose.perNode.
func serviceOf(node string) string { return strings.ReplaceAll(node, "/", "-") + "-expose" }

// claimNames are the claims of a network.
func (env *testEnv) claimNames(name string, nodes int) []string {
	var names []string
	for i := range env.pods(nodes) {
		names = append(names, "data-"+podName(name, i))
	}
	return names
}

// podIPs are the addresses of a network's pods, from the API server.
func (env *testEnv) podIPs(name string, nodes int) ([]string, error) {
	ips := make([]string, env.pods(nodes))
	for i := range ips {
		pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), podName(name, i), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		ips[i] = pod.Status.PodIP
	}
	return ips, nil
}

// addresses are those of a network's nodes by ordinal, as other nodes list them: without a port if the pod is the node's own.
func (env *testEnv) addresses(name string, nodes int) []string {
	env.Helper()
	list, err := env.tryAddresses(name, nodes)
	if err != nil {
		env.Fatal(err)
	}
	return list
}

// tryAddresses is addresses while pods may not exist. A node without an address has "".
func (env *testEnv) tryAddresses(name string, nodes int) ([]string, error) {
	ips, err := env.podIPs(name, nodes)
	if err != nil {
		return nil, err
	}
	list := make([]string, nodes)
	for i := range list {
		place := noderef.At(env.node(name, i))
		list[i] = ips[i/env.nodesInPod()]
		if place.Packed && list[i] != "" {
			list[i] = net.JoinHostPort(list[i], fmt.Sprint(place.Port(v1.P2PPort)))
		}
	}
	return list, nil
}
