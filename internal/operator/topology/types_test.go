package topology

import (
	"fmt"
	"os"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// types are the topology types that the API server accepts: a new one is part of every test that ranges over them.
var types = crdTypes()

// crdTypes reads the enum of spec.topology.type from the CRD.
func crdTypes() []v1.TopologyType {
	text, err := os.ReadFile("../../../charts/bitcoin-controller/files/crds/bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml")
	if err != nil {
		panic(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		panic(err)
	}
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var list []v1.TopologyType
	for _, value := range spec.Properties["topology"].Properties["type"].Enum {
		var name v1.TopologyType
		if err := yaml.Unmarshal(value.Raw, &name); err != nil {
			panic(err)
		}
		list = append(list, name)
	}
	if !slices.Contains(list, v1.TopologyMesh) {
		panic(fmt.Sprintf("the CRD's topology types are %v", list))
	}
	return list
}

// A type without a case in shape would be a mesh.
func TestEveryTypeHasItsOwnShape(t *testing.T) {
	shapes := map[string]v1.TopologyType{}
	for _, kind := range types {
		edges := fmt.Sprint(shape(Spec{Type: kind, Nodes: 9, Degree: 3, Seed: 1, Edges: customEdges}))
		if other, exists := shapes[edges]; exists {
			t.Errorf("%s has the edges of %s; add a case to shape, and its parameters to this test", kind, other)
		}
		shapes[edges] = kind
	}
}
