//go:build e2e

package lightning

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Where three pods with LND's image take floorThen, three nodes with two channels may take readyThen after their BitcoinNetwork.
const (
	floorThen = 2300 * time.Millisecond
	readyThen = 20 * time.Second
)

// The limit is that of a machine where three pods take as long as here, before or after: other work on the machine may begin in between.
func TestThreeNodesAndTwoChannelsAreSoonReady(t *testing.T) {
	skipIfShort(t)
	env := newEnvAlone(t)
	// The first time, the machine gets the images.
	n := env.create("first", zmq(1), line(2))
	n.ready()
	image := env.pod(n.lndPod(0)).Spec.Containers[0].Image
	floor := env.floor("before", image)
	n = env.create("soon", zmq(3), line(3))
	bitcoin := make(chan time.Time, 1)
	go func() { bitcoin <- n.bitcoinReady() }()
	n.ready()
	took := time.Since(<-bitcoin)
	floor = max(floor, env.floor("after", image))
	limit := max(readyThen, time.Duration(float64(readyThen)*float64(floor)/float64(floorThen)))
	t.Logf("Ready %s after the BitcoinNetwork; three pods take %s, so that the limit is %s", took.Round(100*time.Millisecond), floor.Round(100*time.Millisecond), limit.Round(time.Second))
	if took > limit {
		t.Error("that is too long")
	}
	if err := errors.Join(n.declared(), n.pay(0, 2)); err != nil {
		t.Error(err)
	}
}

// bitcoinReady waits until the BitcoinNetwork is Ready, and returns when that was; at the latest when the test is over.
func (n *network) bitcoinReady() time.Time {
	for n.Context().Err() == nil {
		got, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(n.namespace).Get(n.Context(), n.name, metav1.GetOptions{})
		if err == nil && meta.IsStatusConditionTrue(got.Status.Conditions, v1.ConditionReady) {
			break
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-n.Context().Done():
		}
	}
	return time.Now()
}

// floor is how long three pods with LND's image take that only print its version. Their names begin with the prefix.
func (env *testEnv) floor(prefix, image string) time.Duration {
	env.Helper()
	started := time.Now()
	for i := range 3 {
		_, err := cluster.Core.CoreV1().Pods(env.namespace).Create(env.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", prefix, i)},
			Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{
				Name: "lncli", Image: image, Command: []string{"lncli", "--version"},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(65532)),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}}},
		}, metav1.CreateOptions{})
		if err != nil {
			env.Fatal(err)
		}
	}
	env.eventually("three pods that print a version", time.Minute, func() error {
		for i := range 3 {
			if pod := env.pod(fmt.Sprintf("%s-%d", prefix, i)); pod.Status.Phase != corev1.PodSucceeded {
				return fmt.Errorf("%s is %s", pod.Name, pod.Status.Phase)
			}
		}
		return nil
	})
	return time.Since(started)
}

// Node 3 has no channel with a node of which node 0 has one: node 0 knows what is between them from others only.
func TestAPaymentOverThreeHopsIsPossibleAtReady(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 12)
	n := env.create("ring", zmq(2), v1.LightningNetworkSpec{Nodes: 10, Topology: &v1.LightningTopology{Type: "Ring", Capacity: 1_000_000, Push: 500_000}})
	n.ready()
	var group errgroup.Group
	for i := range 10 {
		group.Go(func() error { return n.pay(i, (i+3)%10) })
	}
	if err := errors.Join(group.Wait(), n.declared()); err != nil {
		t.Error(err)
	}
}

// runs is how often what must never be early is tried: LIGHTNING_RUNS, or 20.
func runs() int {
	if runs, err := strconv.Atoi(os.Getenv("LIGHTNING_RUNS")); err == nil && runs > 0 {
		return runs
	}
	return 20
}

// Each run has new nodes, also of those that ask bitcoind for blocks.
func TestALightningNetworkIsNeverReadyEarly(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for run := range runs() {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			nodes := int32(2 + run%2)
			bitcoin := zmq(1)
			if run%4 == 3 {
				bitcoin.ZMQ = nil
			}
			env := newEnv(t, int(nodes)+1)
			n := env.create("early", bitcoin, line(nodes))
			n.ready()
			if err := errors.Join(n.declared(), n.pay(0, int(nodes)-1)); err != nil {
				t.Errorf("it is Ready, but %v", err)
			}
			n.remove()
		})
	}
}

// remove deletes both networks, and waits for the end of their pods: the next test needs the room.
func (n *network) remove() {
	n.Helper()
	api := cluster.Networks.BitcoincontrollerV1()
	background := metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)}
	if err := errors.Join(api.LightningNetworks(n.namespace).Delete(n.Context(), n.name, background),
		api.BitcoinNetworks(n.namespace).Delete(n.Context(), n.name, background)); err != nil {
		n.Fatal(err)
	}
	n.eventually("the pods to be gone", time.Minute, func() error {
		pods, err := cluster.Core.CoreV1().Pods(n.namespace).List(context.Background(), metav1.ListOptions{Limit: 1})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%s is left", pods.Items[0].Name)
		}
		return err
	})
}
