package step

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
)

// The image of v1.0.0 is that of the first commit, and so is the chart; the tests would be those of the second.
func TestACandidateWhoseTagWasMovedSinceIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tag("v1.0.0")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	checkout := filepath.Join(t.TempDir(), "qa")
	if _, err := gitrepo.Clone(t.Context(), w.qa, checkout, gitrepo.CloneOptions{}); err != nil {
		t.Fatal(err)
	}
	w.write("x", "other tests")
	w.commit("second")
	git(t, w.source.Dir, "tag", "--force", "v1.0.0")
	for name, dir := range map[string]string{"a clone": "", "a checkout": checkout} {
		_, err := w.p.candidates().Open(t.Context(), dir, "")
		if !errors.Is(err, gitrepo.ErrTagMoved) || failure.Of(err) != failure.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(checkout, ".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.p.candidates().Open(t.Context(), checkout, ""); err != nil {
		t.Errorf("a directory that reports nothing of its source: %v", err)
	}
	w.p.Config.Chart.Fields["Chart.yaml"] = map[string]string{"version": "chartVersion"}
	if _, err := w.p.candidates().Open(t.Context(), "", ""); !errors.Is(err, candidate.ErrNoSource) {
		t.Errorf("an appVersion that is not bump's: %v, want ErrNoSource, as the tag of the version is another commit's", err)
	}
}

func TestAPullRequestIsNotPublished(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.leave()
	for name, env := range map[string]map[string]string{
		"a pull request":  {"TRAVIS": "true", "TRAVIS_PULL_REQUEST": "3"},
		"a fork":          {"TRAVIS": "true", "TRAVIS_SECURE_ENV_VARS": "false"},
		"a merge request": {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "3"},
	} {
		for k, v := range env {
			r.env[k] = v
		}
		var skip *Skip
		if _, err := Promote(t.Context(), r.p, PromoteOptions{}); !errors.As(err, &skip) || len(r.published()) != 0 {
			t.Errorf("%s: %v, published %+v", name, err, r.published())
		}
		for k := range env {
			delete(r.env, k)
		}
	}
}

func TestAPullRequestNeedsNoKeyToBeTested(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	delete(r.env, "QA_KEY")
	r.env["TRAVIS"], r.env["TRAVIS_PULL_REQUEST"] = "true", "3"
	// Without a cluster it comes no further than to the package.
	if _, err := Verify(t.Context(), r.p, VerifyOptions{Options: testenv.Options{Kubeconfig: "/no/such/kubeconfig"}}); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("got %v", err)
	}
}

// A library chart is tested to the end without a cluster.
func TestAPullRequestIsVerifiedAndSignsNothing(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"a pull request":            {"TRAVIS": "true", "TRAVIS_PULL_REQUEST": "3"},
		"a fork":                    {"TRAVIS": "true", "TRAVIS_SECURE_ENV_VARS": "false"},
		"a merge request":           {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "3"},
		"a job that is not to push": {ci.Push: "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chartsWorld(t, severalYAML)
			w.released()
			w.keys()
			base := w.one("base")
			if _, err := Bump(t.Context(), base); err != nil {
				t.Fatal(err)
			}
			maps.Copy(w.env, env)
			r, err := Verify(t.Context(), base, VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Tests.Passed != 1 || r.Withheld == "" || r.Attestation != "" {
				t.Errorf("verified: %+v", r)
			}
			// The stage has its key, which signs nothing here.
			files, err := os.ReadDir(string(base.Work))
			if err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasSuffix(f.Name(), ".json") }) {
				t.Errorf("the work directory has %v, %v", files, err)
			}
			if head, err := (&gitrepo.Repo{Dir: w.prod}).Head(t.Context()); !errors.Is(err, gitrepo.ErrNoRef) {
				t.Errorf("%s was pushed to prod, %v", head, err)
			}
		})
	}
}
