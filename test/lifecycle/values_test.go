//go:build e2e

package lifecycle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// The name of an object is checked by the cluster alone, so that the last of the files can only fail if it is really installed.
func TestEachFurtherFileOfValuesIsInstalledInTheCluster(t *testing.T) {
	needCluster(t)
	for _, r := range testtools.Repositories(t, "testdata/repositories") {
		if r.Name != "value-sets" {
			continue
		}
		s := repositoryShop(t, r)
		s.must(append([]string{"init"}, r.Init...)...)
		ok(t, os.WriteFile(filepath.Join(s.dir, "charts/label/ci/third-values.yaml"), []byte("name: Not_A_Name\n"), 0o644))
		r.Commit(t, s.dir)
		r.Release(t, s.dir)
		s.must("bump")
		code, out, msg := s.promoter("verify", "--kubeconfig", testCluster.Kind.Kubeconfig)
		second, third := strings.Index(msg, "with the values of ci/second-values.yaml; it is ready"), strings.Index(msg, "with the values of ci/third-values.yaml: ")
		if code != 3 || second < 0 || third < second || !strings.Contains(msg[third:], "Not_A_Name") {
			t.Errorf("exit %d\n%s%s", code, out, msg)
		}
		s.nothingLeft("label")
		return
	}
	t.Fatal("there is no repository with files of values")
}
