package cli

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

func TestASmokeTestDeletesOnlyNetworksOfSmokeTests(t *testing.T) {
	left := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "left", Namespace: "ns", Annotations: map[string]string{smokeTestAnnotation: "true"}}}
	needed := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "needed", Namespace: "ns"}}
	networks := fake.NewClientset(left, needed).BitcoincontrollerV1().BitcoinNetworks("ns")
	for name, wantError := range map[string]bool{"left": false, "needed": true, "nowhere": false} {
		if err := removeLeftover(t.Context(), networks, name); (err != nil) != wantError {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := networks.Get(t.Context(), "left", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the network of the earlier smoke test still exists: %v", err)
	}
	if _, err := networks.Get(t.Context(), "needed", metav1.GetOptions{}); err != nil {
		t.Errorf("a network that a user created is gone: %v", err)
	}
}
