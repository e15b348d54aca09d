package cli

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	fakenetworks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

var (
	oldKey = []byte("0123456789abcdef0123456789abcdef")
	newKey = []byte("fedcba9876543210fedcba9876543210")
)

// rotatedNetwork is a network of three nodes and a group of one, with its objects, whose StatefulSets have been updated completely.
func rotatedNetwork(name string, configKey, templateKey []byte) (*v1.BitcoinNetwork, []runtime.Object) {
	network := &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(name)},
		Spec:       v1.BitcoinNetworkSpec{Nodes: 3, Groups: []v1.Group{{Name: "a", Nodes: 1}}},
	}
	var objects []runtime.Object
	for _, object := range resources.Build(network, resources.Settings{Credential: credentials.ForNetworks(configKey)}) {
		if config, ok := object.(*corev1.ConfigMap); ok {
			objects = append(objects, config)
		}
	}
	for _, object := range resources.Build(network, resources.Settings{Credential: credentials.ForNetworks(templateKey)}) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			set.Generation = 2
			set.Status = appsv1.StatefulSetStatus{ObservedGeneration: 2, CurrentRevision: "2", UpdateRevision: "2"}
			objects = append(objects, set)
		}
	}
	return network, objects
}

func TestASecondRotationWaitsForTheFirst(t *testing.T) {
	for name, test := range map[string]struct {
		configKey, templateKey []byte
		change                 func(set *appsv1.StatefulSet)
		// using is the number of nodes of four that use the key, -1 for a complete rotation.
		using int
	}{
		"complete":                             {newKey, newKey, func(*appsv1.StatefulSet) {}, -1},
		"the operator has not seen the key":    {oldKey, oldKey, func(*appsv1.StatefulSet) {}, 0},
		"the pods still have the old template": {newKey, oldKey, func(*appsv1.StatefulSet) {}, 0},
		"the controller has not observed it":   {newKey, newKey, func(set *appsv1.StatefulSet) { set.Generation = 3 }, 1},
		"two of four have restarted": {newKey, newKey, func(set *appsv1.StatefulSet) {
			set.Status.CurrentRevision, set.Status.UpdatedReplicas = "1", 1
		}, 2},
		"the nodes are stopped": {newKey, newKey, func(set *appsv1.StatefulSet) {
			*set.Spec.Replicas, set.Status.CurrentRevision = 0, "1"
		}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			network, objects := rotatedNetwork("net", test.configKey, test.templateKey)
			other, others := rotatedNetwork("other", newKey, newKey)
			for _, object := range objects {
				if set, ok := object.(*appsv1.StatefulSet); ok && set.Name == "net-sts" {
					test.change(set)
				}
			}
			clients := fake.NewClientset(append(objects, others...)...)
			keys := credentials.MasterKeys{Current: newKey, Previous: oldKey}
			err := checkRotation(t.Context(), clients, fakenetworks.NewClientset(network, other), keys)
			want := fmt.Sprintf("1 of 2 networks have nodes that do not use the current key yet: ns/net (%d of 4 nodes use it)", test.using)
			if (err == nil) != (test.using < 0) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			// Without an earlier rotation there is nothing to wait for.
			keys.Previous = nil
			if err := checkRotation(t.Context(), clients, fakenetworks.NewClientset(network, other), keys); err != nil {
				t.Errorf("the first rotation: %v", err)
			}
		})
	}
}

// Operators with different namespaces have a master key each.
func TestARotationDoesNotWaitForNetworksOfAnotherOperator(t *testing.T) {
	foreign, objects := rotatedNetwork("foreign", []byte("another operator"), []byte("another operator"))
	keys := credentials.MasterKeys{Current: newKey, Previous: oldKey}
	if err := checkRotation(t.Context(), fake.NewClientset(objects...), fakenetworks.NewClientset(foreign), keys); err != nil {
		t.Error(err)
	}
	own, others := rotatedNetwork("net", oldKey, oldKey)
	err := checkRotation(t.Context(), fake.NewClientset(append(objects, others...)...), fakenetworks.NewClientset(foreign, own), keys)
	if want := "1 of 1 networks have nodes that do not use the current key yet: ns/net (0 of 4 nodes use it)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestAnIncompleteRotationNamesSomeNetworks(t *testing.T) {
	var networks []v1.BitcoinNetwork
	var sets []appsv1.StatefulSet
	for i := range 20 {
		network, objects := rotatedNetwork(fmt.Sprintf("net-%02d", i), oldKey, oldKey)
		networks = append(networks, *network)
		for _, object := range objects {
			if set, ok := object.(*appsv1.StatefulSet); ok {
				sets = append(sets, *set)
			}
		}
	}
	err := incomplete(bitcoinProgress(networks, nil, sets, credentials.ForNetworks(newKey), credentials.ForNetworks(oldKey)))
	if err == nil || !strings.Contains(err.Error(), "20 of 20 networks") || !strings.Contains(err.Error(), "net-07 (0 of 4 nodes use it) and 12 more") {
		t.Errorf("%v", err)
	}
}
