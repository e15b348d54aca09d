//go:build e2e

package lifecycle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// All of these repositories go through the steps without a cluster in the tests of the command line.
func TestRepositoriesThatPeopleHaveAreVerifiedInACluster(t *testing.T) {
	needCluster(t)
	for _, r := range testtools.Repositories(t, "testdata/repositories") {
		if !r.Cluster {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			s := repositoryShop(t, r)
			s.must(append([]string{"init"}, r.Init...)...)
			r.Configure(t, filepath.Join(s.dir, "ci/pipeline.yaml"))
			r.Commit(t, s.dir)
			r.Release(t, s.dir)
			s.must(append([]string{"bump"}, r.Flags...)...)
			var verified struct {
				Version string
				Helm    []int
				Tests   struct{ Run, Passed int }
			}
			out := s.must(append([]string{"verify", "--kubeconfig", testCluster.Kind.Kubeconfig}, r.Flags...)...)
			ok(t, json.Unmarshal([]byte(out), &verified))
			if !slices.Equal(verified.Helm, []int{3, 4}) || verified.Version != r.Published.Version || verified.Tests.Run != r.Tests || verified.Tests.Passed != verified.Tests.Run {
				t.Errorf("verified: %s", out)
			}
			s.nothingLeft(r.Published.Chart)
			if out := s.must(append([]string{"promote"}, r.Flags...)...); !strings.Contains(out, `"`+r.Published.Version+`"`) {
				t.Errorf("promoted: %s", out)
			}
		})
	}
}

// repositoryShop is the repository with the keys of its testing stage, before init.
func repositoryShop(t *testing.T, r *testtools.Repository) *shop {
	t.Helper()
	base := t.TempDir()
	s := &shop{t, r.Create(t, base), map[string]string{"HOME": base, "PATH": os.Getenv("PATH")}}
	s.must("keygen", filepath.Join(base, "qa"))
	for variable, file := range map[string]string{"QA_SIGNING_KEY": "qa.key", "QA_PUBLIC_KEY": "qa.pub"} {
		key, err := os.ReadFile(filepath.Join(base, file))
		ok(t, err)
		s.env[variable] = string(key)
	}
	return s
}
