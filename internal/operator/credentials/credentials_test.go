package credentials

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestARotationReachesARunningOperator(t *testing.T) {
	clients := fake.NewClientset()
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	c := New(clients, "ns", "key", logr.Discard())
	if err := c.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	lightning := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{UID: "2"}}
	first, firstOfLND, firstOfAgent := c.Current(network), c.Lightning(network), c.Agent(lightning)
	if c.Previous(network).User != "" || c.PreviousLightning(network).User != "" || c.PreviousAgent(lightning).User != "" {
		t.Error("the first key has a previous one")
	}
	changed := make(chan struct{}, 10)
	go c.Follow(t.Context(), func() { changed <- struct{}{} })
	wait := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: no change is reported", what)
		}
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key", accept); err != nil {
		t.Fatal(err)
	}
	wait("after the first rotation")
	second := c.Current(network)
	if second == first || c.Previous(network) != first {
		t.Error("the new key is not used, or the previous one is lost")
	}
	if c.Lightning(network) == firstOfLND || c.PreviousLightning(network) != firstOfLND {
		t.Error("LND does not use the new key, or the previous one is lost")
	}
	if c.Agent(lightning) == firstOfAgent || c.PreviousAgent(lightning) != firstOfAgent || c.Agent(lightning).Password == second.Password {
		t.Error("the agent does not use the new key, the previous one is lost, or it has the password of a node")
	}
	// What is no key changes nothing, also while the Secret does not exist.
	secrets := clients.CoreV1().Secrets("ns")
	spoilt, err := secrets.Get(t.Context(), "key", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	restored := spoilt.DeepCopy()
	spoilt.Data = map[string][]byte{masterKeyEntry: []byte("short")}
	if _, err := secrets.Update(t.Context(), spoilt, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := secrets.Delete(t.Context(), "key", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "key"}, Data: restored.Data}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key", accept); err != nil {
		t.Fatal(err)
	}
	wait("after the second rotation")
	if c.Previous(network) != second || len(changed) > 0 {
		t.Errorf("the key before the second rotation is another one, or %d more changes are reported", len(changed))
	}
}
