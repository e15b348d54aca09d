package apply

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// ownedObject has managed fields, and is of no type.
type ownedObject = metav1.PartialObjectMetadata

func managedBy(manager, subresource string, fields *fieldpath.Set) metav1.ManagedFieldsEntry {
	text, err := fields.ToJSON()
	if err != nil {
		panic(err)
	}
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(string(text)),
	}
}

// node is the path to the container of bitcoind and what follows.
func inNode(parts ...any) fieldpath.Path {
	return inPod(append([]any{"containers", fieldpath.KeyByFields("name", "bitcoind")}, parts...)...)
}

func inPod(parts ...any) fieldpath.Path {
	return fieldpath.MakePathOrDie(append([]any{"spec", "template", "spec"}, parts...)...)
}

// statefulSet is that of a network.
func statefulSet(t *testing.T) *appsv1.StatefulSet {
	t.Helper()
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	credential := func(network *v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential([]byte("key"), string(network.UID))
	}
	for _, object := range resources.Build(network, resources.Settings{NodeImage: "nodes:1", Credential: credential}) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			return set
		}
	}
	t.Fatal("no StatefulSet")
	return nil
}

func TestDrift(t *testing.T) {
	config, err := New(statefulSet(t))
	if err != nil {
		t.Fatal(err)
	}
	image, foo := inNode("image"), inNode("env", fieldpath.KeyByFields("name", "FOO"))
	for name, test := range map[string]struct {
		lost    []fieldpath.Path
		foreign *fieldpath.Set
		// items are the foreign ones.
		items []fieldpath.Path
	}{
		"nothing":                     {nil, fieldpath.NewSet(), nil},
		"a value":                     {[]fieldpath.Path{image}, fieldpath.NewSet(image), nil},
		"a removed field":             {[]fieldpath.Path{image}, fieldpath.NewSet(), nil},
		"a shared field":              {nil, fieldpath.NewSet(image), nil},
		"the status":                  {nil, fieldpath.NewSet(fieldpath.MakePathOrDie("status", "conditions", fieldpath.KeyByFields("type", "Ready"))), nil},
		"a field that is unspecified": {nil, fieldpath.NewSet(inNode("lifecycle", "preStop"), inPod("hostNetwork")), nil},
		"a list that is unspecified":  {nil, fieldpath.NewSet(inPod("hostAliases", fieldpath.KeyByFields("ip", "10.0.0.1"))), nil},
		"a field of an injected item": {nil, fieldpath.NewSet(inPod("containers", fieldpath.KeyByFields("name", "injected"), "image")), nil},
		"an owner reference":          {nil, fieldpath.NewSet(fieldpath.MakePathOrDie("metadata", "ownerReferences", fieldpath.KeyByFields("uid", "2"))), nil},
		"a variable": {
			nil, fieldpath.NewSet(foo, inNode("env", fieldpath.KeyByFields("name", "FOO"), "name"), inNode("env", fieldpath.KeyByFields("name", "FOO"), "value")),
			[]fieldpath.Path{foo},
		},
		"a container with a variable, and a port": {
			nil, fieldpath.NewSet(
				inPod("containers", fieldpath.KeyByFields("name", "foreign")), inPod("containers", fieldpath.KeyByFields("name", "foreign"), "env", fieldpath.KeyByFields("name", "FOO")),
				inNode("ports", fieldpath.KeyByFields("containerPort", 7, "protocol", "TCP"))),
			[]fieldpath.Path{inNode("ports", fieldpath.KeyByFields("containerPort", 7, "protocol", "TCP")), inPod("containers", fieldpath.KeyByFields("name", "foreign"))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			specified, err := config.value.ToFieldSet()
			if err != nil {
				t.Fatal(err)
			}
			object := &ownedObject{}
			object.ManagedFields = []metav1.ManagedFieldsEntry{
				managedBy(resources.FieldManager, "", specified.Difference(fieldpath.NewSet(test.lost...))), managedBy("kubectl-edit", "", test.foreign),
			}
			d, err := config.DriftOf(object)
			if err != nil {
				t.Fatal(err)
			}
			if !d.Lost.Equals(fieldpath.NewSet(test.lost...)) || !fieldpath.NewSet(d.Foreign...).Equals(fieldpath.NewSet(test.items...)) {
				t.Errorf("lost %s, foreign %v, want %v and %v", d.Lost, d.Foreign, test.lost, test.items)
			}
		})
	}
	if d, err := config.DriftOf(&ownedObject{}); err != nil || !d.Lost.Equals(config.fields) {
		t.Errorf("an object without managed fields: %v, %v", d, err)
	}
	broken := &ownedObject{}
	broken.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "broken", FieldsV1: metav1.NewFieldsV1("[]")}}
	if _, err := config.DriftOf(broken); err == nil {
		t.Error("managed fields that cannot be read pass for none")
	}
}

// A removal must not move the items that are removed after it.
func TestRemovalOfItems(t *testing.T) {
	const text = `{spec: {template: {spec: {
  containers: [{name: first}, {name: bitcoind, env: [{name: FOO}, {name: POD_IP}, {name: BAR}], ports: [{containerPort: 1, protocol: UDP}, {containerPort: 1, protocol: TCP}]}, {name: last}]}}}}`
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	patch, removed := removal(object, "7", []fieldpath.Path{
		inPod("containers", fieldpath.KeyByFields("name", "first")), inNode("env", fieldpath.KeyByFields("name", "FOO")), inNode("env", fieldpath.KeyByFields("name", "gone")),
		inNode("env", fieldpath.KeyByFields("name", "BAR")), inPod("containers", fieldpath.KeyByFields("name", "last")),
		inNode("ports", fieldpath.KeyByFields("containerPort", 1, "protocol", "TCP")), inPod("volumes", fieldpath.KeyByFields("name", "gone")),
	})
	const containers = "/spec/template/spec/containers"
	want := []string{containers + "/1/ports/1", containers + "/1/env/2", containers + "/1/env/0", containers + "/2", containers + "/0"}
	if !slices.Equal(removed, want) {
		t.Errorf("it removes\n%s\nwant\n%s", strings.Join(removed, "\n"), strings.Join(want, "\n"))
	}
	data, err := patch.Data(nil)
	if err != nil {
		t.Fatal(err)
	}
	var steps []map[string]string
	if err := json.Unmarshal(data, &steps); err != nil || len(steps) != 6 || steps[0]["op"] != "test" || steps[0]["value"] != "7" || steps[5]["path"] != want[4] {
		t.Errorf("the patch is %s, %v", data, err)
	}
}
