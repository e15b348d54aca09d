package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// The repositories are small ones of the kinds that people have. test/lifecycle installs some of them in a real cluster.
func TestTheRepositoriesThatPeopleHave(t *testing.T) {
	t.Parallel()
	for _, r := range testtools.Repositories(t, "../../../test/lifecycle/testdata/repositories") {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			s := newRepositoryPipeline(t, r)
			image := s.env["HOST"] + "/team/" + r.Published.Chart
			replace := strings.NewReplacer("IMAGEHOST", s.env["HOST"], "IMAGEPATH", "team/"+r.Published.Chart, "IMAGE", image)
			args := []string{"init"}
			for _, a := range r.Init {
				args = append(args, replace.Replace(a))
			}
			s.must(args...)
			r.Configure(t, s.dir+"/ci/pipeline.yaml")
			r.Commit(t, s.dir)
			for command, words := range r.Before {
				code, out, msg := s.call(s.args(append(strings.Fields(command), r.Flags...)...)...)
				if code != 0 || !strings.Contains(out, words) {
					t.Errorf("%s: exit %d, want %q in\n%s\n%s", command, code, words, out, msg)
				}
			}
			r.Release(t, s.dir)
			if r.Builds {
				s.must(append([]string{"build", "--platform", "linux/amd64"}, r.Flags...)...)
			}
			for _, command := range [][]string{{"bump"}, {"verify", "--dry-run"}, {"verify"}, {"promote"}} {
				s.must(append(command, r.Flags...)...)
			}
			s.counted(r)
			s.candidateContains(r, replace)
			s.isPublished(r)
		})
	}
}

// newRepositoryPipeline is the repository with keys and a cluster, before init.
func newRepositoryPipeline(t *testing.T, r *testtools.Repository) *testPipeline {
	t.Helper()
	s := &testPipeline{testRepo: emptyTestRepo(t, "")}
	s.kubeconfig, s.api = newAPIServer(t)
	base := t.TempDir()
	s.dir = r.Create(t, base)
	s.proposed(base)
	return s
}

// candidateContains checks the files of the candidate.
func (s *testPipeline) candidateContains(r *testtools.Repository, replace *strings.Replacer) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "qa")
	if _, err := gitrepo.Clone(s.t.Context(), s.env["QA"], dir, gitrepo.CloneOptions{Branch: "main"}); err != nil {
		s.t.Fatal(err)
	}
	tree := s.tree(dir)
	for file, texts := range r.Contents {
		content, found := "", false
		for path, text := range tree {
			if strings.HasSuffix("/"+path, "/"+file) && (strings.Count(path, "/") == strings.Count(file, "/")+1 || path == file) {
				content, found = text, true
			}
		}
		if !found {
			s.t.Errorf("the candidate has no file %s", file)
		}
		for _, text := range texts {
			if text = replace.Replace(text); !strings.Contains(content, text) {
				s.t.Errorf("%s of the candidate has no %q:\n%s", file, text, content)
			}
		}
	}
}

// counted checks the number of tests in the report of verify.
func (s *testPipeline) counted(r *testtools.Repository) {
	s.t.Helper()
	reports, err := filepath.Glob(s.env["WORK"] + "/junit*.xml")
	if several, more := filepath.Glob(s.env["WORK"] + "/*/junit*.xml"); more == nil {
		reports = append(reports, several...)
	}
	if err != nil || len(reports) != 1 {
		s.t.Fatalf("reports: %v, %v", reports, err)
	}
	data, err := os.ReadFile(reports[0])
	if err != nil {
		s.t.Fatal(err)
	}
	if got := strings.Count(string(data), "<testcase "); got != r.Tests {
		s.t.Errorf("%d tests are counted, want %d in\n%s", got, r.Tests, data)
	}
}

// isPublished checks that the chart repository has this version and no other.
func (s *testPipeline) isPublished(r *testtools.Repository) {
	s.t.Helper()
	list, err := s.target().List(s.t.Context())
	if err != nil || len(list) != 1 {
		s.t.Fatalf("published: %+v, %v", list, err)
	}
	if got := list[0]; got.Name != r.Published.Chart || got.Version != r.Published.Version || got.AppVersion != r.Published.AppVersion {
		s.t.Errorf("published: %s %s of %s, want %+v", got.Name, got.Version, got.AppVersion, r.Published)
	}
}
