package step

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
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
