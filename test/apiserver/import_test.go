package apiserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/importer"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// The manifests are what kubectl btcnet import prints: TestImportPrintsManifests in internal/plugin/cli compares them.
func TestImportedNetworksAreAccepted(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	files, err := filepath.Glob("../../internal/plugin/cli/testdata/import/*.yaml")
	if err != nil || len(files) != 2 {
		t.Fatalf("%d manifests, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(string(text), "\n---\n")
		if len(documents) != 2 {
			t.Errorf("%s has %d documents", file, len(documents))
		}
		for _, document := range documents {
			object := &unstructured.Unstructured{Object: map[string]any{}}
			if err := yaml.UnmarshalStrict([]byte(document), &object.Object); err != nil {
				t.Fatal(err)
			}
			object.SetNamespace(ns.Name)
			if err := ns.Client.Create(t.Context(), object, client.DryRunAll, strict); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// Both networks have one name.
func TestAnImportedNetworkBecomesReady(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	file := "../../internal/plugin/importer/testdata/polar.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := importer.Import(importer.Source{File: file, Data: text})
	if err != nil {
		t.Fatal(err)
	}
	if r.Bitcoin.Name != r.Lightning.Name {
		t.Errorf("the names are %s and %s", r.Bitcoin.Name, r.Lightning.Name)
	}
	net := ns.Create(r.Bitcoin.Name, r.Bitcoin.Spec)
	net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonPublishersMissing)
	for i := range int(r.Bitcoin.Spec.Nodes) { // the simulated bitcoind has none
		publishers := resources.Publishers(net.Pod(i)) // not when it is asked, which may be at the end of the test
		net.Node(i).Handle(bitcoind.MethodPublishers, func(string, []any) (any, error) { return publishers, nil })
	}
	net.WaitReady()
	network := ns.CreateLightning(r.Lightning.Name, r.Lightning.Spec).WaitReady()
	if network.Status.DesiredChannels != 3 {
		t.Errorf("%d channels are desired, of the 3 in the file", network.Status.DesiredChannels)
	}
}

// The limits of the importer are those of the API.
func TestTheLargestImportedNetworkIsAccepted(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	var nodes strings.Builder
	for i := range 500 {
		fmt.Fprintf(&nodes, "  - name: n%d\n    addnode: [", i)
		for j := 1; j <= 10; j++ {
			fmt.Fprintf(&nodes, "n%d, ", (i+j)%500)
		}
		nodes.WriteString("]\n")
		if i >= 64 {
			continue
		}
		fmt.Fprintf(&nodes, "    ln: {lnd: true}\n    lnd:\n      channels:\n")
		for j := range 8 - i/52 - i/62 {
			capacity := []int64{20_000, 1_000_000_000}[j%2]
			fmt.Fprintf(&nodes, "        - {target: n%d-ln, capacity: %d, push_amt: %d}\n", (i+1)%64, capacity, capacity-1)
		}
	}
	r, err := importer.Import(importer.Source{Folder: strings.Repeat("long-", 20), Data: []byte("nodes:\n" + nodes.String())})
	if err != nil {
		t.Fatal(err)
	}
	spec := r.Lightning.Spec
	if edges := len(r.Bitcoin.Spec.Topology.Edges); edges != 5000 || len(spec.Channels) != 498 || spec.Nodes != 64 {
		t.Errorf("the networks have %d edges, %d channels, %d LND nodes", edges, len(spec.Channels), spec.Nodes)
	}
	r.Bitcoin.Namespace, r.Lightning.Namespace = ns.Name, ns.Name
	for _, object := range []client.Object{r.Bitcoin, r.Lightning} {
		if err := ns.Client.Create(t.Context(), object, client.DryRunAll, strict); err != nil {
			t.Error(err)
		}
	}
}
