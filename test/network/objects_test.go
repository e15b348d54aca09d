//go:build e2e

package network

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// With claims, which are deleted with the network unless they are to be retained.
func TestADeletedNetworkLeavesNothingBehind(t *testing.T) {
	skipIfShort(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 2, 5)
		env := newPackedEnv(t, nodes, perPod)
		n := network("gone", nodes)
		n.Spec.Storage = &v1.Storage{}
		env.create(n)
		env.ready("gone", readyTimeout)
		env.remove("gone")
		env.nothingLeft()
	})
}

// With claims that outlive the network, and their nodes.
func TestUndesiredObjectsAreDeletedAndRetainedClaimsStay(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	retained := func() *v1.BitcoinNetwork {
		n := network("retained", 1)
		n.Spec.Storage = &v1.Storage{RetentionPolicy: v1.RetentionRetain}
		return n
	}
	n := retained()
	n.Spec.Groups, n.Spec.Expose = []v1.Group{{Name: "a", Nodes: 1}}, &v1.Expose{Type: v1.ExposeNodePort, PerNode: true}
	env.create(n)
	env.ready("retained", readyTimeout)
	best := env.mineAt("retained-sts-0", "3")
	env.change("retained", func(spec *v1.BitcoinNetworkSpec) { spec.Groups, spec.Expose = nil, nil })
	env.ready("retained", readyTimeout)
	onlyLeft := func(want ...string) {
		env.Helper()
		env.eventually(fmt.Sprintf("nothing but %v to exist", want), readyTimeout, func() error {
			if left := env.left(env.Context()); !slices.Equal(left, want) {
				return fmt.Errorf("the objects are %v", left)
			}
			return nil
		})
	}
	claims := []string{"PersistentVolumeClaim data-retained-a-sts-0", "PersistentVolumeClaim data-retained-sts-0"}
	onlyLeft(slices.Concat([]string{"Pod retained-sts-0", "Service retained-svc", "ConfigMap retained-config"}, claims, []string{"StatefulSet retained-sts"})...)
	env.remove("retained")
	onlyLeft(claims...)
	// One of the same name finds its chain again.
	env.create(retained())
	env.ready("retained", readyTimeout)
	if hash, err := env.cli("retained-sts-0", "getbestblockhash"); err != nil || hash != best {
		t.Errorf("the chain is at %s, %v, and should be at %s", hash, err, best)
	}
}

// remove deletes a network as kubectl delete does.
func (env *testEnv) remove(name string) {
	env.Helper()
	err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Delete(env.Context(), name,
		metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
	if err != nil {
		env.Fatal(err)
	}
}

func (env *testEnv) nothingLeft() {
	env.Helper()
	env.eventually("everything of the network to be gone", readyTimeout, func() error {
		left := env.left(env.Context())
		if len(left) > 0 {
			return fmt.Errorf("still exist: %v", left)
		}
		return nil
	})
}

// left lists the objects of networks in the namespace.
func (env *testEnv) left(ctx context.Context) []string {
	env.Helper()
	ours := metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=bitcoin-controller"}
	var left []string
	note := func(kind, name string, err error) {
		if err != nil {
			env.Fatal(err)
		}
		if name != "" {
			left = append(left, kind+" "+name)
		}
	}
	core := cluster.Core.CoreV1()
	pods, err := core.Pods(env.namespace).List(ctx, ours)
	note("", "", err)
	for _, o := range pods.Items {
		note("Pod", o.Name, nil)
	}
	services, err := core.Services(env.namespace).List(ctx, ours)
	note("", "", err)
	for _, o := range services.Items {
		note("Service", o.Name, nil)
	}
	maps, err := core.ConfigMaps(env.namespace).List(ctx, ours)
	note("", "", err)
	for _, o := range maps.Items {
		note("ConfigMap", o.Name, nil)
	}
	claims, err := core.PersistentVolumeClaims(env.namespace).List(ctx, metav1.ListOptions{})
	note("", "", err)
	for _, o := range claims.Items {
		note("PersistentVolumeClaim", o.Name, nil)
	}
	sets, err := cluster.Core.AppsV1().StatefulSets(env.namespace).List(ctx, metav1.ListOptions{})
	note("", "", err)
	for _, o := range sets.Items {
		note("StatefulSet", o.Name, nil)
	}
	return left
}

func TestAManualEditIsReverted(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	env.create(network("edited", 1))
	env.ready("edited", readyTimeout)
	sets := cluster.Core.AppsV1().StatefulSets(env.namespace)
	variables := 0
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		set, err := sets.Get(t.Context(), "edited-sts", metav1.GetOptions{})
		if err != nil {
			return err
		}
		set.Spec.Replicas = ptr.To(int32(0))
		container := &set.Spec.Template.Spec.Containers[0]
		variables = len(container.Env)
		container.Env = append(container.Env, corev1.EnvVar{Name: "FOO", Value: "bar"})
		_, err = sets.Update(t.Context(), set, metav1.UpdateOptions{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Core.CoreV1().Services(env.namespace).Delete(t.Context(), "edited-svc", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.eventually("the StatefulSet and the Service to be as they were", 20*time.Second, func() error {
		set, err := sets.Get(t.Context(), "edited-sts", metav1.GetOptions{})
		if err == nil && *set.Spec.Replicas != 1 {
			err = fmt.Errorf("%d replicas", *set.Spec.Replicas)
		}
		if err == nil && len(set.Spec.Template.Spec.Containers[0].Env) != variables {
			err = fmt.Errorf("the variables %v", set.Spec.Template.Spec.Containers[0].Env)
		}
		if err == nil {
			_, err = cluster.Core.CoreV1().Services(env.namespace).Get(t.Context(), "edited-svc", metav1.GetOptions{})
		}
		return err
	})
	env.ready("edited", readyTimeout)
}
