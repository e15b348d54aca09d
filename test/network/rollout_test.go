//go:build e2e

package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// rollout of a StatefulSet: the revision that its pods had before, and how many they are.
type rollout struct {
	set, before string
	pods        int32
}

// rolloutOf is the rollout of a network that has not begun.
func (env *testEnv) rolloutOf(name string, nodes int) rollout {
	env.Helper()
	return rollout{name + "-sts", env.revision(name + "-sts"), int32(env.pods(nodes))} //nolint:gosec // a small number
}

// waitForRollouts waits until all pods of StatefulSets have another template than before. Meanwhile at most one pod of each network may
// be unavailable, and check must hold all the time.
func (env *testEnv) waitForRollouts(rollouts []rollout, check func() error) {
	env.Helper()
	env.every(500*time.Millisecond, fmt.Sprintf("all pods of %v to have the new template", rollouts), readyTimeout, func() error {
		if err := check(); err != nil {
			env.Fatal(err)
		}
		list, err := cluster.Core.AppsV1().StatefulSets(env.namespace).List(env.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		var unfinished []error
		unavailable := map[string]int32{}
		for _, r := range rollouts {
			at := slices.IndexFunc(list.Items, func(s appsv1.StatefulSet) bool { return s.Name == r.set })
			if at < 0 {
				unfinished = append(unfinished, fmt.Errorf("%s does not exist", r.set))
				continue
			}
			s := &list.Items[at]
			network := s.Labels["app.kubernetes.io/instance"]
			unavailable[network] += r.pods - s.Status.ReadyReplicas
			if unavailable[network] > 1 {
				env.Fatalf("%d pods of %s are not ready: more than one was restarted at the same time", unavailable[network], network)
			}
			if s.Status.CurrentRevision == r.before || s.Status.CurrentRevision != s.Status.UpdateRevision || s.Status.ReadyReplicas < r.pods {
				unfinished = append(unfinished, fmt.Errorf("%s: %d updated, %d ready", s.Name, s.Status.UpdatedReplicas, s.Status.ReadyReplicas))
			}
		}
		return errors.Join(unfinished...)
	})
}

func TestAnotherImageReachesOnePodAfterTheOtherAndKeepsTheChain(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 3, 6)
		env := newPackedEnv(t, nodes, perPod)
		n := network("replaced", nodes)
		n.Spec.Storage = &v1.Storage{}
		env.create(n)
		env.ready("replaced", readyTimeout)
		best := env.mineAt(env.node("replaced", 0), "4")
		env.allHave("replaced", 4)
		before := env.rolloutOf("replaced", nodes)
		image := env.anotherImage(podName("replaced", 0))
		env.change("replaced", func(s *v1.BitcoinNetworkSpec) { s.Image = image })
		env.waitForRollouts([]rollout{before}, func() error { return nil })
		env.ready("replaced", readyTimeout)
		env.exactly("replaced", nodes, others(nodes))
		env.allAt("replaced", nodes, best)
		for i := range env.pods(nodes) {
			pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(t.Context(), podName("replaced", i), metav1.GetOptions{})
			if err != nil || pod.Spec.Containers[0].Image != image {
				t.Errorf("pod %d runs %s, %v; it should run %s", i, pod.Spec.Containers[0].Image, err, image)
			}
		}
	})
}

// The chain of nodes without storage is in their memory only: it would be gone if all groups were restarted together. With several nodes
// in a pod, each group has one pod.
func TestGroupsAreRestartedOneAfterTheOther(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 1, 2)
		env := newPackedEnv(t, 3*nodes, perPod)
		n := network("grouped", nodes)
		n.Spec.Groups = []v1.Group{{Name: "a", Nodes: n.Spec.Nodes}, {Name: "b", Nodes: n.Spec.Nodes}}
		env.create(n)
		env.ready("grouped", readyTimeout)
		best := env.mineAt(env.node("grouped", nodes-1), "3")
		env.allHave("grouped", 3)
		groups := []string{"grouped", "grouped-a", "grouped-b"}
		var before []rollout
		for _, group := range groups {
			before = append(before, env.rolloutOf(group, nodes))
		}
		env.change("grouped", func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": "17"} })
		env.waitForRollouts(before, func() error { return nil })
		env.ready("grouped", readyTimeout)
		for _, group := range groups {
			env.allAt(group, nodes, best)
		}
	})
}

// earlierImage is an image of an earlier bitcoind, which the cluster nodes have; "" unless EARLIER_BITCOIND_IMAGE is set. Debian's mirrors keep no
// earlier packages, so that no pin of one lasts.
func earlierImage() string { return os.Getenv("EARLIER_BITCOIND_IMAGE") }

// anotherImage is the image of an earlier bitcoind, or one more name of the image of a pod.
func (env *testEnv) anotherImage(pod string) string {
	if image := earlierImage(); image != "" {
		return image
	}
	return env.anotherNameOfItsImage(pod)
}

// anotherNameOfItsImage gives the image of a pod one more name, which no other test gives, on a cluster node that is a container of Docker's.
func (env *testEnv) anotherNameOfItsImage(pod string) string {
	env.Helper()
	testtools.Docker(env.T)
	p, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), pod, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	name := "docker.io/bitcoin-controller/another:" + env.namespace
	out, err := exec.CommandContext(env.Context(), "docker", "exec", p.Spec.NodeName, "ctr", "-n", "k8s.io", "images", "tag", "--force",
		p.Status.ContainerStatuses[0].Image, name).CombinedOutput()
	if err != nil {
		env.Fatalf("tag %s: %v: %s", p.Status.ContainerStatuses[0].Image, err, out)
	}
	return name
}

// mineAt mines blocks on a node, and returns the best block.
func (env *testEnv) mineAt(pod, blocks string) string {
	env.Helper()
	if _, err := env.cli(pod, "generatetodescriptor", blocks, "raw(51)"); err != nil {
		env.Fatal(err)
	}
	best, err := env.cli(pod, "getbestblockhash")
	if err != nil {
		env.Fatal(err)
	}
	return best
}
