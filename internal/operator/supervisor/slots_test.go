//go:build linux

package supervisor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// writeVersion writes the files of a ConfigMap with so many nodes.
func writeVersion(t *testing.T, dir, nodes string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{api.NodesKey: nodes, api.NodesPerPodKey: "4\n", api.RevisionKey: "7"} {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The kubelet may replace the files while they are read: those of two versions would be the number of one and the revision of another.
func TestTheFilesOfAConfigMapAreThoseOfOneVersion(t *testing.T) {
	dir := t.TempDir()
	writeVersion(t, dir, "9")
	want := configMap{target: target{Nodes: 9, Revision: 7}, perPod: 4}
	if got, err := readConfigMap(dir); err != nil || got != want {
		t.Errorf("without versions: %+v, %v", got, err)
	}
	writeVersion(t, filepath.Join(dir, "..1"), "3")
	if err := os.Symlink("..1", filepath.Join(dir, dataLink)); err != nil {
		t.Fatal(err)
	}
	want = configMap{target: target{Nodes: 3, Revision: 7}, perPod: 4, version: "..1"}
	if got, err := readConfigMap(dir); err != nil || got != want {
		t.Errorf("with a version: %+v, %v", got, err)
	}
}
