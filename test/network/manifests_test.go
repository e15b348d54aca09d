//go:build e2e

package network

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Each manifest that the documentation shows becomes a network that is Ready.
func TestEachSampleManifestBecomesReady(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	files, err := filepath.Glob("../manifests/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d manifests, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
			if err != nil {
				t.Fatal(err)
			}
			n := &v1.BitcoinNetwork{}
			if err := yaml.UnmarshalStrict(text, n); err != nil {
				t.Fatal(err)
			}
			nodes := n.Spec.Nodes
			for _, group := range n.Spec.Groups {
				nodes += group.Nodes
			}
			env := newEnv(t, int(nodes))
			if n.Spec.Secret != "" {
				env.secret(n.Spec.Secret, "user", "user of "+n.Name+" 44f2")
			}
			env.create(n)
			status := env.ready(n.Name, readyTimeout).Status
			if want := len(status.Nodes); want == 0 || int(status.ReadyNodes) != want || status.Connections != status.DesiredConnections {
				t.Errorf("Ready with %d of %d nodes, %s connections", status.ReadyNodes, want, status.Connected)
			}
			env.notStalled(n.Name)
		})
	}
}

// notStalled checks that nothing waits for a user's action.
func (env *testEnv) notStalled(name string) {
	env.Helper()
	for _, c := range env.get(name).Status.Conditions {
		if c.Type == v1.ConditionStalled && c.Status != metav1.ConditionFalse {
			env.Errorf("%s is stalled: %s", name, c.Message)
		}
	}
}
