package apiserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
	"github.com/christianb93/bitcoin-controller/test/rejections"
)

// strict rejects fields that do not exist.
const strict = client.FieldValidation(metav1.FieldValidationStrict)

// tryLightning lets the API server check a LightningNetwork, whose spec is YAML.
func tryLightning(t *testing.T, ns *apiserver.Namespace, name, spec string) error {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{}}
	text := "{apiVersion: bitcoincontroller.christianb93.github.com/v1, kind: LightningNetwork, metadata: {name: " + name + "}, spec: " + spec + "}"
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetNamespace(ns.Name)
	return ns.Client.Create(t.Context(), object, client.DryRunAll, strict)
}

func TestTheAPIServerRejectsInvalidLightningNetworks(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	rejected := map[string]string{
		`{bitcoinNetwork: a, nodes: 1, colour: red}`:                             `unknown field "spec.colour"`,
		`{bitcoinNetwork: a, nodes: 1, expose: {type: NodePort, hosts: [a, a]}}`: "Duplicate value",
	}
	for spec, words := range rejections.Lightning {
		rejected[spec] = words
	}
	for spec, words := range rejected {
		if err := tryLightning(t, ns, "tried", spec); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want an error with %q", spec, err, words)
		}
	}
	for _, spec := range rejections.LightningAccepted {
		if err := tryLightning(t, ns, "tried", spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, name := range []string{"1st", "a.b", strings.Repeat("a", 41)} {
		if err := tryLightning(t, ns, name, `{bitcoinNetwork: a, nodes: 1}`); err == nil || !strings.Contains(err.Error(), "the name of a network may have at most 40 characters") {
			t.Errorf("name %s: %v", name, err)
		}
	}
}

func TestTheSamplesOfLightningNetworksAreAccepted(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	files, err := filepath.Glob("../manifests/lightning/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d manifests, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			object := &unstructured.Unstructured{Object: map[string]any{}}
			if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
				t.Fatal(err)
			}
			object.SetNamespace(ns.Name)
			if err := ns.Client.Create(t.Context(), object, client.DryRunAll, strict); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			kinds[object.GetKind()]++
		}
		if kinds["BitcoinNetwork"] != 1 || kinds["LightningNetwork"] != 1 {
			t.Errorf("%s has %v", file, kinds)
		}
	}
}

// createLightning creates a LightningNetwork, which no operator reconciles.
func createLightning(t *testing.T, ns *apiserver.Namespace, spec v1.LightningNetworkSpec) *v1.LightningNetwork {
	t.Helper()
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "ln"}, Spec: spec}
	if err := ns.Client.Create(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := ns.Client.Get(t.Context(), client.ObjectKeyFromObject(network), network); err != nil {
		t.Fatal(err)
	}
	return network
}

func TestWhatCannotBeChangedInALightningNetwork(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	network := createLightning(t, ns, v1.LightningNetworkSpec{
		BitcoinNetwork: "a", Nodes: 2, Storage: &v1.LightningStorage{Size: ptr.To(resource.MustParse("1Gi")), StorageClassName: ptr.To("fast")},
		Channels: []v1.LightningChannel{{From: 0, To: 1, Capacity: 20000}},
	})
	if network.Status.ObservedGeneration != -1 || network.Spec.Storage.RetentionPolicy != v1.RetentionDelete || network.Spec.Channels[0].Count != 1 {
		t.Errorf("defaults: %+v", network)
	}
	for name, test := range map[string]struct {
		change func(*v1.LightningNetworkSpec)
		want   string
	}{
		"another BitcoinNetwork":  {func(s *v1.LightningNetworkSpec) { s.BitcoinNetwork = "b" }, "bitcoinNetwork cannot be changed once the network exists"},
		"another storage class":   {func(s *v1.LightningNetworkSpec) { s.Storage.StorageClassName = ptr.To("slow") }, "storage cannot be changed once the network exists"},
		"another policy":          {func(s *v1.LightningNetworkSpec) { s.Storage.RetentionPolicy = v1.RetentionRetain }, "storage cannot be changed once the network exists"},
		"no storage":              {func(s *v1.LightningNetworkSpec) { s.Storage = nil }, "storage cannot be changed once the network exists"},
		"a smaller volume":        {func(s *v1.LightningNetworkSpec) { s.Storage.Size = ptr.To(resource.MustParse("500Mi")) }, "storage.size can only grow"},
		"a larger volume":         {func(s *v1.LightningNetworkSpec) { s.Storage.Size = ptr.To(resource.MustParse("2Gi")) }, ""},
		"the size in other words": {func(s *v1.LightningNetworkSpec) { s.Storage.Size = ptr.To(resource.MustParse("1024Mi")) }, ""},
		"no channels":             {func(s *v1.LightningNetworkSpec) { s.Channels = nil }, ""},
		"a node that has one":     {func(s *v1.LightningNetworkSpec) { s.Nodes = 1 }, "channels names a node that does not exist"},
		"no nodes":                {func(s *v1.LightningNetworkSpec) { s.Nodes = 0 }, ""},
	} {
		changed := network.DeepCopy()
		test.change(&changed.Spec)
		err := ns.Client.Update(t.Context(), changed, client.DryRunAll)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestALightningNetworkIsScaled(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	network := createLightning(t, ns, v1.LightningNetworkSpec{BitcoinNetwork: "a", Nodes: 1})
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
	if err := ns.Client.SubResource("scale").Update(t.Context(), network, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	if err := ns.Client.Get(t.Context(), client.ObjectKeyFromObject(network), network); err != nil || network.Spec.Nodes != 3 {
		t.Errorf("%d nodes, %v", network.Spec.Nodes, err)
	}
}
