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
	if r, err := tagRelease(t, w.p, release.Options{Version: "v1.0.1"}); failure.Of(err) != failure.BadInput {
		t.Errorf("with a version: %+v %v", r, err)
	}
	w.p.DryRun = true
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

// branched has v0.1.0 on main, v0.2.0 and v0.2.1 on release-0.2, and commits after them on both; main is checked out.
func branched(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	at := func(branch, message string, tags ...string) {
		git(t, w.source.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", message)
		for _, tag := range tags {
			w.tag(tag)
		}
		git(t, w.source.Dir, "push", "-q", "origin", "--tags", "HEAD:"+branch)
	}
	w.tag("v0.1.0")
	at("main", "feat: a")
	git(t, w.source.Dir, "checkout", "-q", "-b", "release-0.2")
	at("release-0.2", "Release 0.2", "v0.2.0")
	at("release-0.2", "Release 0.2.1", "v0.2.1")
	at("release-0.2", "fix: 0.2")
	git(t, w.source.Dir, "checkout", "-q", "main")
	at("main", "fix: on main")
	return w
}

func TestAReleaseFollowsTheReleasesOfAllBranches(t *testing.T) {
	t.Parallel()
	w := branched(t)
	if v, err := Version(t.Context(), w.p); err != nil || !strings.HasPrefix(v.Chart, "0.2.2-dev.1.") || v.BaseTag != "v0.2.1" {
		t.Errorf("the version is %+v, %v", v, err)
	}
	for _, c := range []struct {
		branch string
		o      release.Options
		want   string // a tag, or a part of the error
	}{
		{"main", release.Options{Bump: "patch"}, "release minor"},
		{"main", release.Options{Version: "v0.1.1"}, "v0.1.1 is below v0.2.1"},
		{"main", release.Options{Version: "v0.2.2"}, "lacks its changes"},
		{"main", release.Options{}, "v0.3.0"},
		{"release-0.2", release.Options{Bump: "minor"}, "release patch"},
		{"release-0.2", release.Options{Bump: "patch"}, "v0.2.2"},
	} {
		git(t, w.source.Dir, "checkout", "-q", c.branch)
		for _, w.p.DryRun = range []bool{true, false} {
			r, err := tagRelease(t, w.p, c.o)
			if strings.HasPrefix(c.want, "v0.") && !strings.Contains(c.want, " ") {
				if err != nil || r.Tag != c.want || r.Pushed == w.p.DryRun {
					t.Errorf("%s, %+v: %+v, %v", c.branch, c.o, r, err)
				}
			} else if failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %+v: %+v, %v", c.branch, c.o, r, err)
			}
		}
	}
}

func TestTheCommitOfACandidateIsReleased(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]release.Options{"by its version": {Version: "v1.1.0"}, "by a step": {Bump: "minor"}, "by the messages": {}} {
		w := newWorld(t)
		w.tag("v1.0.0")
		git(t, w.source.Dir, "push", "-q", "origin", "--tags")
		w.write("x", "1")
		w.commit("feat: x")
		if _, err := tagRelease(t, w.p, release.Options{Version: "v1.1.0-rc.1"}); err != nil {
			t.Fatal(err)
		}
		r, err := tagRelease(t, w.p, o)
		if err != nil || r.Tag != "v1.1.0" || !r.Pushed {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		text := git(t, w.source.Dir, "cat-file", "tag", "v1.1.0")
		if !strings.Contains(text, "- feat: x") {
			t.Errorf("the notes are %s", text)
		}
		if v, err := Version(t.Context(), w.p); err != nil || !v.Release || v.Chart != "1.1.0" {
			t.Errorf("the version is %+v, %v", v, err)
		}
		if _, err := tagRelease(t, w.p, release.Options{}); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "already has the tag v1.1.0") {
			t.Errorf("again: %v", err)
		}
	}
}

func TestACommitThatNobodyHasIsNotReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	git(t, w.source.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "feat: mine")
	for _, w.p.DryRun = range []bool{true, false} {
		if r, err := tagRelease(t, w.p, release.Options{}); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "no branch of origin") {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if tags := git(t, w.origin, "tag"); tags != "" {
		t.Errorf("the remote has %s", tags)
	}
	if r, err := tagRelease(t, w.p, release.Options{NoPush: true}); err != nil || r.Tag != "v0.1.0" && r.Tag != "0.1.0" {
		t.Errorf("without a push: %+v, %v", r, err)
	}
}

func TestNothingIsReleasedForDocumentationAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tag("v0.4.0")
	git(t, w.source.Dir, "push", "-q", "origin", "--tags")
	for _, message := range []string{"docs: typo", "ci: other runner", "chore(deps): bump"} {
		w.write("x", message)
		w.commit(message)
	}
	r, err := tagRelease(t, w.p, release.Options{})
	if err != nil || r.Tag != "" || r.Pushed || !strings.Contains(r.Nothing, "v0.4.0") {
		t.Errorf("%+v, %v", r, err)
	}
	w.p.DryRun = true
	if r, err := tagRelease(t, w.p, release.Options{Bump: "patch"}); err != nil || r.Tag != "v0.4.1" {
		t.Errorf("on purpose: %+v, %v", r, err)
	}
	w.write("x", "1")
	w.commit("feat!: other flags")
	if r, err := tagRelease(t, w.p, release.Options{}); err != nil || r.Tag != "v0.5.0" {
		t.Errorf("a breaking change: %+v, %v", r, err)
	}
}

// tagRelease tags the commit of a project.
func tagRelease(t *testing.T, p *Project, o release.Options) (*release.Result, error) {
	o.DryRun, o.Tags = p.DryRun, p.Config.Version.Tags()
	return release.Tag(t.Context(), p.Dir, p.Git(), o)
}
