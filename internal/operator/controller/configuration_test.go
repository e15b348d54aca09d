package controller

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// previousRelease is a network and its objects as the release before the ownership of fields was compared applied them.
func previousRelease(t *testing.T) (network *v1.BitcoinNetwork, objects []*unstructured.Unstructured) {
	t.Helper()
	text, err := os.ReadFile("testdata/previous-release/network.yaml")
	if err != nil {
		t.Fatal(err)
	}
	network = &v1.BitcoinNetwork{}
	if err := yaml.UnmarshalStrict(text, network); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile("testdata/previous-release/objects.yaml"); err != nil {
		t.Fatal(err)
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return network, objects
		} else if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

func previousSettings(image string) resources.Settings {
	return resources.Settings{NodeImage: "nodes:1", RPCAuth: resources.RPCAuthDelivery{Image: image, Volume: true}, Credential: testCredential}
}

// A hash that differed would start a rollout, or write each object, when the operator is upgraded.
func TestTheHashesAreThoseOfThePreviousRelease(t *testing.T) {
	network, objects := previousRelease(t)
	settings := previousSettings("operator:1")
	settings.EarlierNodes = true
	built := resources.Build(network, settings)
	if len(built) != len(objects) {
		t.Fatalf("%d objects, want %d", len(built), len(objects))
	}
	for i, object := range built {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			set.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To(int32(0))}
		}
		config, err := apply.New(object)
		if err != nil {
			t.Fatal(err)
		}
		config.Annotate(object)
		for _, annotation := range []string{apply.AnnotationApplied, apply.AnnotationTemplate} {
			if got, want := object.GetAnnotations()[annotation], objects[i].GetAnnotations()[annotation]; got != want {
				t.Errorf("%s: %s is %q, want %q", apply.KeyOf(object), annotation, got, want)
			}
		}
	}
}

// An upgrade brings another image of the operator, which delivers the rpcauth line.
func TestAnUpgradeOfTheOperatorWritesNothing(t *testing.T) {
	network, objects := previousRelease(t)
	writes := []string{}
	r := fakeAPI(t, func(verb, name string) error { writes = append(writes, verb+" "+name); return nil })
	r.settings = previousSettings("operator:2")
	for _, object := range objects {
		err := r.client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(resources.FieldManager), client.ForceOwnership)
		if err != nil {
			t.Fatal(err)
		}
	}
	writes = nil
	result, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now())
	if err != nil || len(writes) > 0 || result.rejected != nil || result.waitingFor != "" || len(result.sets) != 2 {
		t.Errorf("writes %q, %+v, %v", writes, result, err)
	}
	// The ownership is that of an apply: a field that is removed from the spec is removed by one write. The nodes get the defaults of
	// this release, one StatefulSet after the other.
	state := newNetworkState(network)
	state.rollouts = rollouts{}
	network.Spec.NodeSelector, network.Spec.Groups[0].Nodes, network.Generation = nil, 0, 2
	if result, err = r.applyObjects(t.Context(), network, state, time.Now()); err != nil {
		t.Fatal(err)
	}
	if set := result.sets["net-sts"]; set.Spec.Template.Spec.NodeSelector != nil || partitionOf(set) != 3 || !slices.Equal(writes, []string{"apply net-config", "apply net-sts", "apply net-old-config"}) {
		t.Errorf("writes %q, node selector %v, partition %d", writes, set.Spec.Template.Spec.NodeSelector, partitionOf(set))
	}
}

// Without the annotation of the template, the values show whether the template changes.
func TestATemplateWithoutAnAnnotationIsComparedByItsValues(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	settings := resources.Settings{NodeImage: "nodes:1", Credential: testCredential}
	existing := setOf(t, network, settings)
	if changes, err := apply.ChangesTemplate(setOf(t, network, settings), existing); err != nil || changes {
		t.Errorf("the same template: %v, %v", changes, err)
	}
	settings.NodeImage = "nodes:2"
	if changes, err := apply.ChangesTemplate(setOf(t, network, settings), existing); err != nil || !changes {
		t.Errorf("another image: %v, %v", changes, err)
	}
	settings.NodeImage = "nodes:1"
	existing.Spec.Template.Spec.Containers[0].Env = nil
	if changes, err := apply.ChangesTemplate(setOf(t, network, settings), existing); err != nil || !changes {
		t.Errorf("without variables: %v, %v", changes, err)
	}
}
