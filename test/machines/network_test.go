//go:build e2e

package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// space is the namespace of all networks.
const space = "networks"

// network is a network under test.
type network struct {
	name  string
	nodes int
}

// onAll spreads the nodes of a network over all cluster nodes that take pods, the control plane among them.
func onAll(name string, spec v1.BitcoinNetworkSpec) v1.BitcoinNetworkSpec {
	spec.Tolerations = []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
	honor := corev1.NodeInclusionPolicyHonor
	spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule, NodeTaintsPolicy: &honor,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/instance": name}},
	}}
	return spec
}

func createNetwork(t *testing.T, name string, spec v1.BitcoinNetworkSpec) *network {
	t.Helper()
	_, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(space).Create(t.Context(),
		&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}, metav1.CreateOptions{})
	ok(t, err)
	return &network{name, int(spec.Nodes)}
}

// condition returns the condition Ready, nil for none.
func (n *network) condition(ctx context.Context) (*metav1.Condition, error) {
	got, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(space).Get(ctx, n.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return meta.FindStatusCondition(got.Status.Conditions, v1.ConditionReady), nil
}

func (n *network) ready(t *testing.T) {
	t.Helper()
	eventually(t, n.name+" is Ready", func() error {
		c, err := n.condition(t.Context())
		if err == nil && (c == nil || c.Status != metav1.ConditionTrue) {
			err = fmt.Errorf("%v", c)
		}
		return err
	})
	eventually(t, n.name+" is whole", func() error { return n.whole(t.Context()) })
}

// reports waits until the condition has this reason and all of these words.
func (n *network) reports(t *testing.T, reason string, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s reports %s with %q", n.name, reason, words), func() error {
		c, err := n.condition(t.Context())
		if err != nil {
			return err
		}
		for _, word := range words {
			if !strings.Contains(c.Message, word) {
				err = fmt.Errorf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
		}
		if c.Reason != reason || c.Status != metav1.ConditionFalse {
			err = fmt.Errorf("%s %s: %s", c.Status, c.Reason, c.Message)
		}
		if err == nil {
			t.Logf("%s: %s", c.Reason, c.Message)
		}
		return err
	})
}

// pods are those of the network, by name.
func (n *network) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := testCluster.Core.CoreV1().Pods(space).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + n.name})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// on are the names of the network's pods on a cluster node.
func (n *network) on(t *testing.T, clusterNode string) []string {
	t.Helper()
	pods, err := n.pods(t.Context())
	ok(t, err)
	var names []string
	for _, pod := range pods {
		if pod.Spec.NodeName == clusterNode {
			names = append(names, pod.Name)
		}
	}
	return names
}

// answer is what a node reports of itself.
type answer struct {
	best  string
	peers []string
}

// whole asks every node, not the operator: all answer, each is connected with exactly the others, and all are on one block.
func (n *network) whole(ctx context.Context) error {
	pods, err := n.pods(ctx)
	if err != nil {
		return err
	}
	if len(pods) != n.nodes {
		return fmt.Errorf("%d of %d pods", len(pods), n.nodes)
	}
	answers := make([]answer, len(pods))
	var group errgroup.Group
	for i, pod := range pods {
		group.Go(func() (err error) {
			answers[i], err = ask(ctx, pod.Name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, a := range answers {
		var others []string
		for j, pod := range pods {
			if j != i {
				others = append(others, pod.Status.PodIP)
			}
		}
		slices.Sort(others)
		if !slices.Equal(a.peers, others) {
			return fmt.Errorf("%s is connected with %v, not with %v", pods[i].Name, a.peers, others)
		}
		if a.best != answers[0].best {
			return fmt.Errorf("%s is at %s, %s at %s", pods[i].Name, a.best, pods[0].Name, answers[0].best)
		}
	}
	return nil
}

func ask(ctx context.Context, pod string) (answer, error) {
	var a answer
	var err error
	if a.best, err = cli(ctx, pod, "getbestblockhash"); err != nil {
		return a, err
	}
	text, err := cli(ctx, pod, "getpeerinfo")
	if err != nil {
		return a, err
	}
	var peers []struct{ Addr string }
	if err := json.Unmarshal([]byte(text), &peers); err != nil {
		return a, err
	}
	for _, p := range peers {
		host, _, err := net.SplitHostPort(p.Addr)
		if err != nil {
			host = p.Addr
		}
		a.peers = append(a.peers, host)
	}
	slices.Sort(a.peers)
	a.peers = slices.Compact(a.peers)
	return a, nil
}

// errNoAnswer is a command that did not run: the way through API server and kubelet is another one than that of the operator.
var errNoAnswer = errors.New("the command did not run")

// cli runs bitcoin-cli in a node's pod.
func cli(ctx context.Context, pod string, args ...string) (string, error) {
	command := append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf"}, args...)
	request := testCluster.Core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(space).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "bitcoind", Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(testCluster.Config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, e2e.LimitFactor()*30*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}); err != nil {
		if _, ran := errors.AsType[exec.CodeExitError](err); !ran {
			err = fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		return "", fmt.Errorf("bitcoin-cli %s in %s: %w: %s", strings.Join(args, " "), pod, err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// mine creates a block on a node that is not on this cluster node.
func (n *network) mine(t *testing.T, notOn string) {
	t.Helper()
	pods, err := n.pods(t.Context())
	ok(t, err)
	i := slices.IndexFunc(pods, func(pod corev1.Pod) bool { return pod.Spec.NodeName != notOn })
	_, err = cli(t.Context(), pods[i].Name, "generatetodescriptor", "1", "raw(51)")
	ok(t, err)
}

// height is that of the nodes, which are on one block.
func (n *network) height(t *testing.T, want string) {
	t.Helper()
	for i := range n.nodes {
		pod := fmt.Sprintf("%s-sts-%d", n.name, i)
		// After the loss of a cluster node, the way to a pod may be closed for a while.
		eventually(t, "the height of "+pod, func() error {
			got, err := cli(t.Context(), pod, "getblockcount")
			if err == nil && got != want {
				t.Errorf("%s has %s blocks, and should have %s", pod, got, want)
			}
			return err
		})
	}
}

// hasBudget waits until a disruption budget of the network allows one eviction.
func (n *network) hasBudget(t *testing.T) {
	t.Helper()
	eventually(t, n.name+" has a disruption budget", func() error {
		budget, err := testCluster.Core.PolicyV1().PodDisruptionBudgets(space).Get(t.Context(), n.name+"-pdb", metav1.GetOptions{})
		if err == nil && (int(budget.Status.ExpectedPods) != n.nodes || budget.Status.DisruptionsAllowed != 1) {
			err = fmt.Errorf("it is %+v", budget.Status)
		}
		return err
	})
}
