//go:build e2e

package machines

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

const (
	operatorNamespace = "bitcoin-controller"
	operatorLabels    = "app.kubernetes.io/name=bitcoin-controller"
	lease             = "bitcoin-controller.bitcoincontroller.christianb93.github.com"
	// outage is how long a cluster node is away.
	outage = 2 * time.Minute
	// allowed is how long Ready may be wrong after a cluster node has failed, also that of the leading operator: another one leads after
	// 15 s, and a node that does not answer is not ready after 10 s. The rest is for a machine with two cores.
	allowed = time.Minute
)

// The parts of one story, since each takes the cluster as the last one leaves it.
func TestNetworksOnSeveralClusterNodes(t *testing.T) {
	needCluster(t)
	install(t)
	_, err := testCluster.Core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: space, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	ok(t, err)
	s := &story{
		spread: createNetwork(t, "spread", onAll("spread", v1.BitcoinNetworkSpec{Nodes: 3})),
		kept:   createNetwork(t, "kept", onAll("kept", v1.BitcoinNetworkSpec{Nodes: 3, Storage: &v1.Storage{}})),
		plain:  createNetwork(t, "plain", v1.BitcoinNetworkSpec{Nodes: 4}),
	}
	for _, part := range []struct {
		name string
		test func(*story, *testing.T)
	}{
		{"nodes-are-spread", (*story).nodesAreSpread},
		{"the-leaders-cluster-node-fails-and-returns", (*story).theLeadersClusterNodeFailsAndReturns},
		{"a-cluster-node-is-drained", (*story).aClusterNodeIsDrained},
		{"a-cluster-node-is-gone-for-good", (*story).aClusterNodeIsGoneForGood},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(s, t) }) {
			s.dump(t)
			t.FailNow()
		}
	}
}

// story has the networks: one with a node on each cluster node, one with volumes of each, and one without constraints.
type story struct{ spread, kept, plain *network }

func (s *story) all() []*network { return []*network{s.spread, s.kept, s.plain} }

// install installs the chart with two replicas.
func install(t testing.TB) {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	kubeconfig := testCluster.Kind.Kubeconfig
	flags.KubeConfig, flags.Namespace = &kubeconfig, ptr.To(operatorNamespace)
	c := new(action.Configuration)
	ok(t, c.Init(flags, operatorNamespace, "secrets", func(string, ...any) {}))
	chart, err := loader.LoadDir(filepath.Join(root, "charts/bitcoin-controller"))
	ok(t, err)
	name, digest, _ := strings.Cut(os.Getenv("CANDIDATE_IMAGE"), "@")
	repository, tag := name, ""
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		repository, tag = name[:colon], name[colon+1:]
	}
	a := action.NewInstall(c)
	a.ReleaseName, a.Namespace, a.CreateNamespace, a.Wait, a.Timeout = "bitcoin-controller", operatorNamespace, true, true, e2e.LimitFactor()*5*time.Minute
	_, err = a.RunWithContext(t.Context(), chart, map[string]any{
		"replicas":  2,
		"image":     map[string]any{"repository": repository, "tag": tag, "digest": digest},
		"nodeImage": map[string]any{"repository": os.Getenv("BITCOIND_IMAGE")},
	})
	ok(t, err)
}

func (s *story) nodesAreSpread(t *testing.T) {
	for _, n := range s.all() {
		n.ready(t)
		n.mine(t, "")
		n.hasBudget(t)
	}
	for _, n := range []*network{s.spread, s.kept} {
		for _, clusterNode := range clusterNodes(t) {
			if on := n.on(t, clusterNode); len(on) != 1 {
				t.Errorf("%v of %s are on %s", on, n.name, clusterNode)
			}
		}
	}
}

// Nobody does anything. The pods on the cluster node are the same afterwards, with their chains.
func (s *story) theLeadersClusterNodeFailsAndReturns(t *testing.T) {
	first := leader(t)
	failed := clusterNodeOf(t, first)
	before := map[string]string{}
	for _, n := range s.all() {
		pods, err := n.pods(t.Context())
		ok(t, err)
		for _, pod := range pods {
			before[pod.Name] = string(pod.UID)
		}
	}
	observers := observe(t, allowed, s.all()...)
	disturb(observers)
	since := time.Now()
	engine(t, "kill", failed)
	eventually(t, "another operator leads", func() error {
		if now := leader(t); now == first || now == "" || clusterNodeOf(t, now) == failed {
			return fmt.Errorf("the leader is %q", now)
		}
		return nil
	})
	for _, n := range s.all() {
		on := n.on(t, failed)
		if len(on) == 0 {
			continue
		}
		n.reports(t, v1.ReasonClusterNodeFailed, slices.Concat([]string{"on cluster node " + failed + ", which is not ready since"}, on)...)
		n.mine(t, failed)
		if n.whole(t.Context()) == nil {
			t.Errorf("the nodes of %s on %s answer: the observer sees no failure", n.name, failed)
		}
	}
	eventually(t, "two minutes are over", func() error {
		if left := outage - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	engine(t, "start", failed)
	for _, n := range s.all() {
		n.ready(t)
		pods, err := n.pods(t.Context())
		ok(t, err)
		for _, pod := range pods {
			if string(pod.UID) != before[pod.Name] {
				t.Errorf("%s was replaced", pod.Name)
			}
		}
	}
	end(t, observers)
}

// A drain evicts one node of a network after the other, and the others go on. A node with a volume of the cluster node waits for it.
func (s *story) aClusterNodeIsDrained(t *testing.T) {
	drained, heights := hostOf(t, s.plain, 0), map[*network]string{}
	for _, n := range s.all() {
		var err error
		heights[n], err = cli(t.Context(), podsOf(t, n)[0].Name, "getblockcount")
		ok(t, err)
	}
	observers := observe(t, allowed, s.all()...)
	least := countsPresent(t, s.plain)
	disturb(observers)
	kubectl(t, "drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=4m")
	s.spread.ready(t)
	s.plain.ready(t)
	if got := least(); got < s.plain.nodes-1 {
		t.Errorf("the drain left %d of %d nodes", got, s.plain.nodes)
	}
	for _, n := range []*network{s.spread, s.plain} {
		if on := n.on(t, drained); len(on) > 0 {
			t.Errorf("%v are still on %s", on, drained)
		}
	}
	s.kept.reports(t, v1.ReasonUnschedulable, "delete the claim and the pod", "data-kept-sts-")
	kubectl(t, "uncordon", drained)
	s.kept.ready(t)
	for _, n := range s.all() {
		n.height(t, heights[n])
	}
	end(t, observers)
	s.spreadAgain(t)
}

// spreadAgain moves an operator and a node of a network to the cluster node that was drained: nobody else does that.
func (s *story) spreadAgain(t *testing.T) {
	t.Helper()
	for _, clusterNode := range clusterNodes(t) {
		if on := s.spread.on(t, clusterNode); len(on) > 1 {
			ok(t, testCluster.Core.CoreV1().Pods(space).Delete(t.Context(), on[0], metav1.DeleteOptions{}))
		}
	}
	leads := leader(t)
	operators, err := testCluster.Core.CoreV1().Pods(operatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: operatorLabels})
	ok(t, err)
	for _, pod := range operators.Items {
		if pod.Name != leads {
			ok(t, testCluster.Core.CoreV1().Pods(operatorNamespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
		}
	}
	for _, clusterNode := range clusterNodes(t) {
		eventually(t, clusterNode+" has a node of spread", func() error {
			if on := s.spread.on(t, clusterNode); len(on) != 1 {
				return fmt.Errorf("it has %v", on)
			}
			return nil
		})
	}
	eventually(t, "the operators to be on two cluster nodes", func() error {
		operators, err := testCluster.Core.CoreV1().Pods(operatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: operatorLabels})
		if err == nil && (len(operators.Items) != 2 || readyOf(operators.Items) != 2 || operators.Items[0].Spec.NodeName == operators.Items[1].Spec.NodeName) {
			err = errors.New("not yet")
		}
		return err
	})
	for _, n := range s.all() {
		n.ready(t)
	}
}

// Its Node is deleted, as a cloud provider does it. A node without a volume starts elsewhere by itself, and one with a volume when
// a user does what the condition proposes.
func (s *story) aClusterNodeIsGoneForGood(t *testing.T) {
	gone := hostOf(t, s.kept, slices.IndexFunc(podsOf(t, s.kept), func(pod corev1.Pod) bool { return !strings.HasSuffix(pod.Spec.NodeName, "control-plane") }))
	bound := s.kept.on(t, gone)[0]
	if len(s.spread.on(t, gone)) != 1 {
		t.Fatalf("spread has no node on %s", gone)
	}
	want, err := cli(t.Context(), podsOf(t, s.spread)[0].Name, "getblockcount")
	ok(t, err)
	observers := observe(t, allowed, s.all()...)
	disturb(observers)
	engine(t, "kill", gone)
	ok(t, testCluster.Core.CoreV1().Nodes().Delete(t.Context(), gone, metav1.DeleteOptions{}))
	s.spread.ready(t)
	s.plain.ready(t)
	s.spread.height(t, want)
	s.kept.reports(t, v1.ReasonUnschedulable, bound, "delete the claim and the pod", "data-"+bound)
	ok(t, testCluster.Core.CoreV1().PersistentVolumeClaims(space).Delete(t.Context(), "data-"+bound, metav1.DeleteOptions{}))
	if err := testCluster.Core.CoreV1().Pods(space).Delete(t.Context(), bound, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	s.kept.ready(t)
	end(t, observers)
}

// dump logs what a failed part leaves.
func (s *story) dump(t *testing.T) {
	for _, n := range s.all() {
		c, err := n.condition(t.Context())
		t.Logf("%s: %v %v", n.name, c, err)
		pods, _ := n.pods(t.Context())
		for _, pod := range pods {
			t.Logf("%s on %s at %s: %s %v", pod.Name, pod.Spec.NodeName, pod.Status.PodIP, pod.Status.Phase, pod.Status.Conditions)
		}
		t.Logf("%s: %v", n.name, n.whole(t.Context()))
	}
	operators, err := testCluster.Core.CoreV1().Pods(operatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: operatorLabels})
	if err != nil {
		return
	}
	for _, pod := range operators.Items {
		text, err := testCluster.Core.CoreV1().Pods(operatorNamespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: ptr.To(int64(40))}).DoRaw(t.Context())
		t.Logf("%s on %s: %s %v", pod.Name, pod.Spec.NodeName, text, err)
	}
}
