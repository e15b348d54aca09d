package network

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Each manifest that the documentation shows becomes a network that is Ready.
func TestEachSampleManifestBecomesReadyIntegration(t *testing.T) {
	long(t)
	t.Parallel()
	files, err := filepath.Glob("../manifests/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d manifests, %v", len(files), err)
	}
	var shapes []*v1.BitcoinNetwork
	for _, file := range files {
		n := sample(t, file)
		if onlyShaped(n.Spec) {
			shapes = append(shapes, n)
			continue
		}
		t.Run(n.Name, func(t *testing.T) {
			l := newLab(t, int(n.Spec.Nodes)+1)
			if n.Spec.Secret != "" {
				l.secret(n.Spec.Secret, "user", "password")
			}
			l.create(n)
			l.becomesReady(n.Name)
		})
	}
	// Those that ask for nothing but a shape share their nodes, the smaller ones first.
	t.Run("shapes", func(t *testing.T) {
		slices.SortFunc(shapes, func(a, b *v1.BitcoinNetwork) int { return int(a.Spec.Nodes - b.Spec.Nodes) })
		l := newLab(t, int(shapes[len(shapes)-1].Spec.Nodes))
		for i, n := range shapes {
			t.Run(n.Name, func(t *testing.T) {
				l := &lab{T: t, namespace: l.namespace}
				networks := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace)
				if _, err := networks.Create(t.Context(), n, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					l.create(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "shaped"}, Spec: n.Spec})
				} else {
					l.change("shaped", func(spec *v1.BitcoinNetworkSpec) { *spec = n.Spec })
				}
				l.becomesReady("shaped")
			})
		}
	})
}

func sample(t *testing.T, file string) *v1.BitcoinNetwork {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	n := &v1.BitcoinNetwork{}
	if err := yaml.UnmarshalStrict(text, n); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return n
}

// onlyShaped tells whether a network needs no other pods than any network of its size.
func onlyShaped(spec v1.BitcoinNetworkSpec) bool {
	return equality.Semantic.DeepEqual(spec, v1.BitcoinNetworkSpec{Nodes: spec.Nodes, Topology: spec.Topology, Partitions: spec.Partitions})
}

func (l *lab) becomesReady(name string) {
	l.Helper()
	status := l.ready(name, patience).Status
	if want := len(status.Nodes); want == 0 || int(status.ReadyNodes) != want || status.Connections != status.DesiredConnections {
		l.Errorf("Ready with %d of %d nodes, %s connections", status.ReadyNodes, want, status.Connected)
	}
	l.notStalled(name)
}

// notStalled checks that nothing waits for somebody's help.
func (l *lab) notStalled(name string) {
	l.Helper()
	for _, c := range l.get(name).Status.Conditions {
		if c.Type == v1.ConditionStalled && c.Status != metav1.ConditionFalse {
			l.Errorf("%s is stalled: %s", name, c.Message)
		}
	}
}
