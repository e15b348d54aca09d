package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// waitsForSecret waits until the conditions name a Secret that is missing, Stalled too.
func waitsForSecret(t *testing.T, ln *apiserver.Lightning, secret string) *v1.LightningNetwork {
	t.Helper()
	ln.WaitCondition(v1.LightningConditionReady, metav1.ConditionFalse, v1.LightningReasonSecretMissing)
	network := ln.WaitCondition(v1.LightningConditionStalled, metav1.ConditionTrue, v1.LightningReasonSecretMissing)
	if c := meta.FindStatusCondition(network.Status.Conditions, v1.LightningConditionStalled); !strings.Contains(c.Message, "waits for the Secret "+secret+",") {
		t.Errorf("the message is %s", c.Message)
	}
	return network
}

func createSecret(t *testing.T, ns *apiserver.Namespace, name string) {
	t.Helper()
	if err := ns.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: name}, StringData: map[string]string{"token": "for the user only"},
	}); err != nil {
		t.Fatal(err)
	}
}

// Another Secret reaches one pod after the other, and no second one before the first has it. The operator reads none of them.
func TestALightningNetworkWaitsForTheSecretOfItsUser(t *testing.T) {
	t.Parallel()
	spec := twoChannels
	spec.Secret = "first"
	ln, _, op := withLightning(t, 1, spec)
	waitsForSecret(t, ln, "first")
	createSecret(t, ln.Namespace, "first")
	ln.WaitReady()
	before := podsOf(t, ln)
	ln.Update(func(n *v1.LightningNetwork) { n.Spec.Secret = "second" })
	network := waitsForSecret(t, ln, "second")
	if network.Status.ReadyNodes != 2 {
		t.Errorf("%d of 3 nodes are ready, while the first pod with another template waits", network.Status.ReadyNodes)
	}
	createSecret(t, ln.Namespace, "second")
	ln.WaitReady()
	ln.Eventually("all pods to have the Secret", func(*v1.LightningNetwork) error {
		for i, uid := range podsOf(t, ln) {
			pod := &corev1.Pod{}
			ln.Read(ln.PodName(i), pod)
			if uid == before[i] {
				return fmt.Errorf("%s is the one of before", pod.Name)
			}
			mounted := ""
			for _, volume := range pod.Spec.Volumes {
				if volume.Secret != nil {
					mounted = volume.Secret.SecretName
				}
			}
			if mounted != "second" {
				return errors.New(pod.Name + " has " + mounted)
			}
		}
		return nil
	})
	if reads := op.API.Requests(func(r apiserver.Request) bool { return r.Resource == "secrets" }); len(reads) > 0 {
		t.Errorf("the operator has sent %v", reads)
	}
}
