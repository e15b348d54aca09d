package step

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// older returns the world of a build whose clone was created when the present commit was the last one.
func (w *world) older() *world {
	w.t.Helper()
	c, err := gitrepo.Clone(w.t.Context(), w.origin, filepath.Join(w.t.TempDir(), "older"), gitrepo.CloneOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	p := *w.p
	p.Dir = c.Dir
	old := *w
	old.p, old.source = &p, c
	return &old
}

// bumped builds and bumps.
func (w *world) bumped(o BumpOptions) (*BumpResult, error) {
	w.t.Helper()
	w.built()
	return BumpWith(w.t.Context(), w.p, o)
}

func TestTheBuildOfAnOlderCommitThatEndsLaterReplacesNoCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.older()
	w.write("x", "1")
	w.commit("newer")
	newer, err := w.bumped(BumpOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var skip *Skip
	if _, err := old.bumped(BumpOptions{}); !errors.As(err, &skip) || skip.Reason != Outdated || !strings.Contains(skip.Why, newer.Version.Chart) || !strings.Contains(skip.Why, "--allow-older") {
		t.Fatalf("got %v, want a skip", err)
	}
	// A commit by another hand does not hide the candidate.
	qa, err := gitrepo.Clone(t.Context(), w.qa, filepath.Join(t.TempDir(), "qa"), gitrepo.CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	git(t, qa.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "Another CI file")
	if err := qa.Push(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if _, err := old.bumped(BumpOptions{}); !errors.As(err, &skip) {
		t.Errorf("after another commit: %v", err)
	}
	if got := w.candidate("hello/Chart.yaml"); !strings.Contains(got, newer.Version.Chart) {
		t.Errorf("the candidate is %s", got)
	}
	r, err := old.bumped(BumpOptions{AllowOlder: true})
	if err != nil || !r.Changed || !strings.Contains(w.log.String(), "replaces it, as requested") {
		t.Errorf("on purpose: %+v, %v, %s", r, err, w.log)
	}
}

func TestAReleaseAndAnotherBranchAreCandidatesBesideANewerOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, _ := w.source.Head(t.Context())
	w.write("x", "1")
	w.commit("newer")
	if _, err := w.bumped(BumpOptions{}); err != nil {
		t.Fatal(err)
	}
	git(t, w.source.Dir, "checkout", "-q", "-b", "other", first)
	git(t, w.source.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "beside")
	if r, err := w.bumped(BumpOptions{}); err != nil || !r.Changed {
		t.Errorf("a commit of another branch: %+v, %v", r, err)
	}
	git(t, w.source.Dir, "checkout", "-q", first)
	w.tag("v1.0.0")
	if r, err := w.bumped(BumpOptions{}); err != nil || !r.Changed || r.Version.Chart != "1.0.0" {
		t.Errorf("a release of an older commit: %+v, %v", r, err)
	}
}

func TestACandidateOfARewrittenBranchIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.older()
	w.write("x", "1")
	w.commit("to be rewritten")
	if _, err := w.bumped(BumpOptions{}); err != nil {
		t.Fatal(err)
	}
	git(t, w.source.Dir, "push", "-q", "--force", "origin", "HEAD~1:main")
	if r, err := old.bumped(BumpOptions{}); err != nil || !r.Changed {
		t.Errorf("got %+v, %v", r, err)
	}
}
