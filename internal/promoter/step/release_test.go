package step

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/release"
)

// Whoever has not fetched computes a version that another author has released, or one below it.
func TestAReleaseIsNotComputedBelowOneThatWasNotFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tag("v1.0.0")
	w.write("x", "1")
	w.commit("fix: x")
	other, err := gitrepo.Clone(t.Context(), w.origin, filepath.Join(t.TempDir(), "other"), gitrepo.CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Tag(t.Context(), "v1.1.0", "v1.1.0", gitrepo.Author{}), other.PushTag(t.Context(), "v1.1.0")); err != nil {
		t.Fatal(err)
	}
	w.write("x", "2")
	w.commit("fix: x again")
	for _, w.p.DryRun = range []bool{true, false} {
		_, err := tagRelease(t, w.p, release.Options{})
		if failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "v1.1.0") || !strings.Contains(err.Error(), "git fetch") {
			t.Errorf("dry run %t: %v", w.p.DryRun, err)
		}
	}
	w.p.DryRun = true
	if r, err := tagRelease(t, w.p, release.Options{Version: "v1.0.1"}); err != nil || r.Tag != "v1.0.1" {
		t.Errorf("with a version: %+v %v", r, err)
	}
	if err := w.source.Fetch(t.Context(), "main", 0); err != nil {
		t.Fatal(err)
	}
	if r, err := tagRelease(t, w.p, release.Options{}); err != nil || r.Tag != "v1.1.1" {
		t.Errorf("after a fetch: %+v %v", r, err)
	}
}

func TestWithoutItsRemoteAReleaseIsStillComputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tag("v1.0.0")
	w.write("x", "1")
	w.commit("fix: x")
	away := filepath.Join(t.TempDir(), "away")
	r, err := gitrepo.Clone(t.Context(), w.origin, filepath.Join(t.TempDir(), "clone"), gitrepo.CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.p.Dir = r.Dir
	git(t, r.Dir, "remote", "set-url", "origin", away)
	w.p.DryRun = true
	if _, err := tagRelease(t, w.p, release.Options{}); err != nil {
		t.Errorf("a dry run: %v", err)
	}
	w.p.DryRun = false
	if _, err := tagRelease(t, w.p, release.Options{}); failure.Of(err) != failure.External {
		t.Errorf("a release: %v", err)
	}
	if tags, _ := r.Tags(t.Context()); len(tags) != 0 {
		t.Errorf("it left %v", tags)
	}
	if _, err := tagRelease(t, w.p, release.Options{NoPush: true}); err != nil {
		t.Errorf("without a push: %v", err)
	}
}

// tagRelease tags the commit of a project.
func tagRelease(t *testing.T, p *Project, o release.Options) (*release.Result, error) {
	o.DryRun = p.DryRun
	return release.Tag(t.Context(), p.Dir, p.Git(), o)
}
