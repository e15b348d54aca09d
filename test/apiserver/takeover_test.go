package apiserver_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// What a policy engine adds to all objects of a namespace.
func TestLabelsThatAWebhookAddsAreLeftAlone(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.Mutate(mutated(func(object *map[string]any) {
		for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"spec", "template", "metadata", "labels"}} {
			if _, found, err := unstructured.NestedMap(*object, path[:len(path)-1]...); !found || err != nil {
				continue
			}
			if err := unstructured.SetNestedField(*object, "bitcoin", append(path, "team")...); err != nil {
				t.Error(err)
			}
		}
	}), "statefulsets", "services", "configmaps", "pods")
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	net.WaitReady()
	stays(t, ns, op, net)
	changeOfImage(t, net, 3)
	service := &corev1.Service{}
	net.Read("net-svc", service)
	for name, labels := range map[string]map[string]string{
		"StatefulSet": net.StatefulSet().Labels, "template": net.StatefulSet().Spec.Template.Labels, "pod": net.Pod(0).Labels, "Service": service.Labels,
	} {
		if labels["team"] != "bitcoin" {
			t.Errorf("the %s has lost the label: %v", name, labels)
		}
	}
}

// applied is what a person applies with kubectl apply --server-side --force-conflicts.
const applied = `
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: net-sts}
  spec: {replicas: 1, template: {spec: {containers: [{name: bitcoind, image: "bitcoind:theirs"}]}}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: net-config}
  data: {bitcoin.conf: "regtest=0"}
- apiVersion: v1
  kind: Service
  metadata: {name: net-svc}
  spec: {publishNotReadyAddresses: false, selector: {app.kubernetes.io/instance: theirs}}
`

func TestWhatAPersonAppliesByForceIsPutRight(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
	ns := net.Namespace
	var objects []map[string]any
	if err := yaml.Unmarshal([]byte(applied), &objects); err != nil {
		t.Fatal(err)
	}
	for _, fields := range objects {
		object := &unstructured.Unstructured{Object: fields}
		object.SetNamespace(ns.Name)
		before := object.DeepCopy()
		net.Read(object.GetName(), before)
		if err := ns.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
		net.Wait(object.GetKind()+" to be put right", func() error {
			now := before.DeepCopy()
			net.Read(object.GetName(), now)
			for _, part := range []string{"spec", "data"} {
				if now, before := fmt.Sprint(now.Object[part]), fmt.Sprint(before.Object[part]); now != before {
					return fmt.Errorf("%s is %s, and was %s", part, now, before)
				}
			}
			return nil
		})
	}
	net.WaitReady()
	stays(t, ns, op, net)
}
