package cli

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	fakenetworks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// rotatedLightning is a LightningNetwork with its ConfigMap, and the nodes whose pods accept the credential of these keys.
func rotatedLightning(configKey []byte, nodeKeys ...[]byte) (*v1.LightningNetwork, *corev1.ConfigMap) {
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ln", UID: "ln"}, Spec: v1.LightningNetworkSpec{Nodes: 2}}
	for i, key := range nodeKeys {
		node := v1.LightningNodeStatus{Ordinal: int32(i)} //nolint:gosec // two
		if key != nil {
			node.CredentialSalt = bitcoind.DeriveCredential(key, "ln").Salt
		}
		network.Status.Nodes = append(network.Status.Nodes, node)
	}
	objects := resources.Build(network, nil, resources.Settings{Credential: func(n *v1.LightningNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential(configKey, string(n.UID))
	}})
	return network, objects[len(objects)-2].(*corev1.ConfigMap)
}

func TestARotationWaitsForThePodsOfLightningNetworks(t *testing.T) {
	foreign := []byte("another operator")
	for name, test := range map[string]struct {
		configKey []byte
		nodeKeys  [][]byte
		want      string
	}{
		"all accept the key":                   {newKey, [][]byte{newKey, newKey}, ""},
		"a removed node does not count":        {newKey, [][]byte{newKey, newKey, oldKey}, ""},
		"a pod has the old file":               {newKey, [][]byte{newKey, oldKey}, "(1 of 2 nodes use it)"},
		"a pod has not answered yet":           {newKey, [][]byte{newKey, nil}, "(1 of 2 nodes use it)"},
		"the operator has not seen a node yet": {newKey, [][]byte{newKey}, "(1 of 2 nodes use it)"},
		"the operator has not seen the key":    {oldKey, [][]byte{oldKey, oldKey}, "(0 of 2 nodes use it)"},
		"another operator's":                   {foreign, [][]byte{foreign, foreign}, ""},
	} {
		network, config := rotatedLightning(test.configKey, test.nodeKeys...)
		bitcoin, objects := rotatedNetwork("net", newKey, newKey)
		keys := credentials.MasterKeys{Current: newKey, Previous: oldKey}
		err := checkRotation(t.Context(), fake.NewClientset(append(objects, config)...), fakenetworks.NewClientset(network, bitcoin), keys)
		if want := "1 of 2 networks have nodes that do not use the current key yet: LightningNetwork ns/ln " + test.want + "; wait until they do"; (err == nil) != (test.want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestARotationNeedsNoDefinitionOfLightningNetworks(t *testing.T) {
	bitcoin, objects := rotatedNetwork("net", newKey, newKey)
	networks := fakenetworks.NewClientset(bitcoin)
	answer := apierrors.NewNotFound(schema.GroupResource{Resource: "lightningnetworks"}, "")
	networks.PrependReactor("list", "lightningnetworks", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, answer })
	keys := credentials.MasterKeys{Current: newKey, Previous: oldKey}
	if err := checkRotation(t.Context(), fake.NewClientset(objects...), networks, keys); err != nil {
		t.Error(err)
	}
	answer = apierrors.NewForbidden(schema.GroupResource{Resource: "lightningnetworks"}, "", nil)
	if err := checkRotation(t.Context(), fake.NewClientset(objects...), networks, keys); !apierrors.IsForbidden(err) {
		t.Errorf("without rights: %v", err)
	}
}
