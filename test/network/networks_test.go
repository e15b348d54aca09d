//go:build e2e

package network

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// create creates a network, with as many nodes in a pod as the environment has.
func (env *testEnv) create(network *v1.BitcoinNetwork) {
	env.Helper()
	if env.perPod > 1 {
		network.Spec.NodesPerPod = int32(env.perPod) //nolint:gosec // a small number
	}
	created, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Create(env.Context(), network, metav1.CreateOptions{})
	if err == nil {
		err = sought.operatorsOwn(env.Context(), *created)
	}
	if err != nil {
		env.Fatal(err)
	}
}

func (env *testEnv) get(name string) *v1.BitcoinNetwork {
	env.Helper()
	network, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Get(env.Context(), name, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return network
}

// change applies a change of the spec.
func (env *testEnv) change(name string, edit func(*v1.BitcoinNetworkSpec)) {
	env.Helper()
	env.eventually("the change to be written", 10*time.Second, func() error {
		network := env.get(name)
		edit(&network.Spec)
		_, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Update(env.Context(), network, metav1.UpdateOptions{})
		return err
	})
}

// ready waits for condition Ready as kubectl wait does: it returns at the first event of the watch in which the condition is true for
// the current generation.
func (env *testEnv) ready(name string, limit time.Duration) *v1.BitcoinNetwork {
	env.Helper()
	ctx, cancel := context.WithTimeout(env.Context(), e2e.LimitFactor()*limit)
	defer cancel()
	watched, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		env.Fatal(err)
	}
	var network *v1.BitcoinNetwork
	if _, err := watchtools.UntilWithoutRetry(ctx, watched, func(event watch.Event) (bool, error) {
		if event.Type == watch.Error {
			return false, apierrors.FromObject(event.Object)
		}
		network, _ = event.Object.(*v1.BitcoinNetwork)
		ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
		return ready != nil && ready.ObservedGeneration == network.Generation && ready.Status == metav1.ConditionTrue, nil
	}); err != nil {
		env.Fatalf("waited %s for %s to be Ready; last: %s (%v)", e2e.LimitFactor()*limit, name, env.readiness(name), err)
	}
	return network
}

// secret creates the credentials of a user.
func (env *testEnv) secret(name, user, password string) {
	env.Helper()
	sought.add(user+" in "+name, user, password)
	_, err := cluster.Core.CoreV1().Secrets(env.namespace).Create(env.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		StringData: map[string]string{"BC_RPC_USER": user, "BC_RPC_PASSWORD": password},
	}, metav1.CreateOptions{})
	if err != nil {
		env.Fatal(err)
	}
}

func network[N int | int32](name string, nodes N) *v1.BitcoinNetwork {
	return &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.BitcoinNetworkSpec{Nodes: int32(nodes)}} //nolint:gosec // a small number
}
