//go:build e2e

package lifecycle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func createNamespace(name string) error {
	_, err := testCluster.Core.CoreV1().Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	return err
}

// users makes the Secret that networks name in spec.secret.
func users(t *testing.T, namespace string) {
	t.Helper()
	_, err := testCluster.Core.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "users"}, StringData: map[string]string{"BC_RPC_USER": "user", "BC_RPC_PASSWORD": "password"},
	}, metav1.CreateOptions{})
	ok(t, err)
}

// network is a network under test.
type network struct {
	*testing.T
	namespace, name string
}

func createNetwork(t *testing.T, namespace, name string, spec v1.BitcoinNetworkSpec) *network {
	t.Helper()
	_, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(namespace).Create(t.Context(),
		&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}, metav1.CreateOptions{})
	ok(t, err)
	return &network{t, namespace, name}
}

func (n *network) get() *v1.BitcoinNetwork {
	n.Helper()
	got, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(n.namespace).Get(n.Context(), n.name, metav1.GetOptions{})
	ok(n.T, err)
	return got
}

// ready waits until the network is Ready with so many nodes, each of which the status shows with its present address.
func (n *network) ready(nodes int) {
	n.Helper()
	eventually(n.T, fmt.Sprintf("%s to be Ready with %d nodes", n.name, nodes), func() error {
		got := n.get()
		ready := meta.FindStatusCondition(got.Status.Conditions, v1.ConditionReady)
		switch {
		case ready == nil:
			return errors.New("no condition yet")
		case ready.ObservedGeneration != got.Generation:
			return errors.New("the operator has not seen the change yet")
		case ready.Status != metav1.ConditionTrue:
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		case int(got.Status.ReadyNodes) != nodes || len(got.Status.Nodes) != nodes:
			return fmt.Errorf("%d of %d nodes", got.Status.ReadyNodes, len(got.Status.Nodes))
		}
		for i, pod := range n.pods(nodes) {
			if got.Status.Nodes[i].IP != pod.Status.PodIP {
				return fmt.Errorf("%s is at %s by now", pod.Name, pod.Status.PodIP)
			}
		}
		return nil
	})
}

func (n *network) scale(nodes int32) {
	n.Helper()
	_, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(n.namespace).Patch(n.Context(), n.name, types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"nodes":%d}}`, nodes), metav1.PatchOptions{})
	ok(n.T, err)
}

func (n *network) pod(i int) string { return fmt.Sprintf("%s-sts-%d", n.name, i) }

func (n *network) pods(nodes int) []*corev1.Pod {
	n.Helper()
	list := make([]*corev1.Pod, nodes)
	for i := range list {
		pod, err := testCluster.Core.CoreV1().Pods(n.namespace).Get(n.Context(), n.pod(i), metav1.GetOptions{})
		ok(n.T, err)
		list[i] = pod
	}
	return list
}

func (n *network) statefulSet() *appsv1.StatefulSet {
	n.Helper()
	set, err := testCluster.Core.AppsV1().StatefulSets(n.namespace).Get(n.Context(), n.name+"-sts", metav1.GetOptions{})
	ok(n.T, err)
	return set
}

// lives identifies the pods by what changes when one is replaced or its containers restart.
func (n *network) lives(nodes int) []string {
	n.Helper()
	var list []string
	for _, pod := range n.pods(nodes) {
		life := pod.Name + " " + string(pod.UID)
		for _, c := range pod.Status.ContainerStatuses {
			life += fmt.Sprintf(" %s restarted %d times", c.Name, c.RestartCount)
		}
		list = append(list, life)
	}
	return list
}

// cli runs bitcoin-cli in a node's pod, as the README shows it.
func (n *network) cli(node int, args ...string) string {
	n.Helper()
	out, err := n.exec(node, "", args...)
	ok(n.T, err)
	return out
}

func (n *network) exec(node int, stdin string, args ...string) (string, error) {
	command := append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf"}, args...)
	request := testCluster.Core.CoreV1().RESTClient().Post().Resource("pods").Name(n.pod(node)).Namespace(n.namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "bitcoind", Command: command, Stdin: stdin != "", Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(testCluster.Config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(n.Context(), 90*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	streams := remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}
	if stdin != "" {
		streams.Stdin = strings.NewReader(stdin)
	}
	if err := executor.StreamWithContext(ctx, streams); err != nil {
		return "", fmt.Errorf("bitcoin-cli %s in %s: %w: %s", strings.Join(args, " "), n.pod(node), err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// mine makes blocks on the first node.
func (n *network) mine(blocks int) {
	n.Helper()
	n.cli(0, "generatetodescriptor", fmt.Sprint(blocks), "raw(51)")
}

// reaches waits until each node has this many blocks, and the status has the height.
func (n *network) reaches(height, nodes int) {
	n.Helper()
	eventually(n.T, fmt.Sprintf("%s to have %d blocks", n.name, height), func() error { return n.have(height, nodes) })
}

// have returns an error with the node, or the status, that has another number of blocks.
func (n *network) have(height, nodes int) error {
	for i := range nodes {
		got, err := n.exec(i, "", "getblockcount")
		if err != nil {
			return err
		}
		if got != fmt.Sprint(height) {
			return fmt.Errorf("node %d has %s", i, got)
		}
	}
	if status := n.get().Status; status.Height != int64(height) {
		return fmt.Errorf("the status has %d", status.Height)
	}
	return nil
}

// meshed checks, by the answers of the nodes themselves, that each is connected with all others and lists them.
func (n *network) meshed(nodes int) {
	n.Helper()
	pods := n.pods(nodes)
	for i := range nodes {
		var peers []struct{ Addr string }
		var listed []struct{ AddedNode string }
		ok(n.T, json.Unmarshal([]byte(n.cli(i, "getpeerinfo")), &peers))
		ok(n.T, json.Unmarshal([]byte(n.cli(i, "getaddednodeinfo")), &listed))
		for j, other := range pods {
			connected, inList := false, false
			for _, p := range peers {
				// A connection out of the list goes by the entry, which has no port.
				connected = connected || p.Addr == other.Status.PodIP || strings.HasPrefix(p.Addr, other.Status.PodIP+":")
			}
			for _, l := range listed {
				inList = inList || l.AddedNode == other.Status.PodIP
			}
			if connected != (i != j) || inList != (i != j) {
				n.Errorf("node %d of %s: connected with node %d: %v, in its list: %v", i, n.name, j, connected, inList)
			}
		}
	}
}
