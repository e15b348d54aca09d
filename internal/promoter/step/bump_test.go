package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func TestACandidateDiffersFromTheSourceInItsScalarsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.built()
	r, err := Bump(t.Context(), w.p)
	if err != nil || !r.Changed {
		t.Fatalf("changed %v, %v", r != nil && r.Changed, err)
	}
	head, _ := w.source.Head(t.Context())
	short := head[:version.ShortHashLength]
	wantChart := strings.NewReplacer("version: 0.0.0-dev", "version: "+b.Version.Chart, "'dev'", "'"+short+"'").Replace(chartYAML)
	if got := w.candidate("hello/Chart.yaml"); got != wantChart {
		t.Errorf("Chart.yaml is\n%q, want\n%q", got, wantChart)
	}
	wantValues := strings.NewReplacer("example.com/hello", w.host+"/hello", `tag: ""`, `tag: "`+short+`"`, "digest: ''", "digest: '"+b.Digest+"'").Replace(valuesYAML)
	if got := w.candidate("hello/values.yaml"); got != wantValues {
		t.Errorf("values.yaml is\n%q, want\n%q", got, wantValues)
	}
	if log := w.candidates(); len(log) != 1 || candidate.SourceCommit(log[0].Body) != head || !strings.Contains(log[0].Subject, b.Version.Chart) {
		t.Errorf("the commit reports %+v", log)
	}
}

func TestBumpAtTheSameVersionSucceedsWithoutACommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	first, err := Bump(t.Context(), w.p)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Bump(t.Context(), w.p)
	if err != nil || again.Changed || again.Commit != first.Commit || len(w.candidates()) != 1 {
		t.Errorf("again: %+v, %v, %d commits; want nothing new", again, err, len(w.candidates()))
	}
}

func TestBumpIsDoneAgainOnAHeadThatAnotherAuthorPushed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	w.write("charts/hello/templates/new.yaml", "# new\n")
	w.commit("second")
	w.built()
	// The hook pushes a file of another author's just before the first push of the candidate arrives, so that it is rejected.
	other := filepath.Join(t.TempDir(), "other")
	theirs, err := gitrepo.Clone(t.Context(), w.qa, other, gitrepo.CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other+"/README.md", []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Commit(t.Context(), "theirs", gitrepo.Author{}); err != nil {
		t.Fatal(err)
	}
	hook := fmt.Sprintf("#!/bin/sh\nrm -f hooks/pre-receive\nunset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH\ngit -C %s push -q origin HEAD:refs/heads/main\n", other)
	if err := os.WriteFile(w.qa+"/hooks/pre-receive", []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Bump(t.Context(), w.p)
	if err != nil || !r.Changed {
		t.Fatalf("%+v, %v", r, err)
	}
	if w.candidate("README.md") != "theirs" || w.candidate("hello/templates/new.yaml") != "# new\n" || len(w.candidates()) != 3 {
		t.Errorf("a commit is lost, the history is %+v", w.candidates())
	}
}

func TestFilesThatTheSourceNoLongerHasLeaveTheCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/templates/old.yaml", "# old\n")
	w.commit("with old")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.source.Dir + "/charts/hello/templates/old.yaml"); err != nil {
		t.Fatal(err)
	}
	w.commit("without old")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if _, err := (&gitrepo.Repo{Dir: w.qa}).File(t.Context(), "refs/heads/main", "hello/templates/old.yaml"); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("old.yaml remains: %v", err)
	}
}

// Dependencies below charts/ are often ignored and yet tracked.
func TestAFileThatTheSourceTracksAlthoughItIsIgnoredIsInTheCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/.gitignore", "*.txt\n")
	w.write("charts/hello/files/tracked.txt", "here")
	if out, err := exec.Command("git", "-C", w.source.Dir, "add", "--force", "charts/hello/files/tracked.txt").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.commit("with a file that is ignored")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if got := w.candidate("hello/files/tracked.txt"); got != "here" {
		t.Errorf("it holds %q", got)
	}
}

func TestAChartThatLivesWithTheCandidatesIsEditedInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	w.p.Config.Chart.Path = ""
	w.write("charts/hello/values.yaml", "broken: here\n")
	w.commit("chart changes in the source do not matter")
	b := w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	if got := w.candidate("hello/values.yaml"); !strings.Contains(got, b.Digest) || strings.Contains(got, "broken") {
		t.Errorf("values.yaml is %q", got)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	w.p.DryRun = true
	r, err := Bump(t.Context(), w.p)
	if err != nil || !r.Changed || !strings.Contains(r.Diff, "+version: 0.0.1-dev") {
		t.Errorf("%v: the dry run shows %+v", err, r)
	}
	if err := gitrepo.Reachable(t.Context(), w.qa, "main", gitrepo.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := (&gitrepo.Repo{Dir: w.qa}).Head(t.Context()); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("the dry run created a commit: %v", err)
	}
	w.write("cmd/hello/main.go", "package main\n\nfunc main() {}\n")
	w.commit("another")
	if b, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true, Platforms: []string{"linux/amd64"}}); err != nil || b.Pushed {
		t.Errorf("a dry build: %+v %v", b, err)
	}
	if tags, err := w.p.Access.Tags(t.Context(), w.host+"/hello"); err != nil || len(tags) != 1 {
		t.Errorf("the registry has the tags %v, %v; want that of the first build alone", tags, err)
	}
}

func TestWhatBumpCannotDoLeavesTheRepositoryAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(w *world)
		want    error
		kind    failure.Kind
	}{
		"a values path that does not exist": {func(w *world) { w.p.Config.Chart.Fields["values.yaml"]["image.tagg"] = "imageTag" }, chart.ErrPathNotFound, failure.BadInput},
		"a file that the chart lacks": {func(w *world) {
			w.p.Config.Chart.Fields["other.yaml"] = map[string]string{"a": "commit"}
		}, chart.ErrNoChart, failure.BadInput},
		"no chart in the source":           {func(w *world) { w.p.Config.Chart.Path = "charts/nowhere" }, chart.ErrNoChart, failure.BadInput},
		"a chart that is no YAML":          {func(w *world) { w.write("charts/hello/Chart.yaml", "a: [\n"); w.commit("broken"); w.built() }, chart.ErrNoChart, failure.BadInput},
		"uncommitted changes":              {func(w *world) { w.write("cmd/hello/main.go", "package main // dirty\n") }, version.ErrDirty, failure.BadInput},
		"a repository that does not exist": {func(w *world) { w.p.Config.Tester().Candidate.Git = "/no/such/repo.git" }, gitrepo.ErrUnreachable, failure.External},
		"an image that was never built":    {func(w *world) { w.write("x", "y"); w.commit("not built") }, image.ErrNoImage, failure.External},
		"a registry that does not answer": {func(w *world) {
			w.write("x", "y")
			w.commit("x")
			w.p.Config.Builder().Build.Image.Repository = "127.0.0.1:1/x"
		}, image.ErrRegistry, failure.External},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.built()
			if _, err := Bump(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			c.prepare(w)
			_, err := Bump(t.Context(), w.p)
			if !errors.Is(err, c.want) || failure.Of(err) != c.kind {
				t.Errorf("%v (%s), want %v (%s)", err, failure.Of(err), c.want, c.kind)
			}
			if len(w.candidates()) != 1 {
				t.Errorf("the repository has changed: %+v", w.candidates())
			}
		})
	}
}

func TestAPullRequestIsBuiltAndTestedAndGoesNoFurther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head, _ := w.source.Head(t.Context())
	for k, v := range map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_PULL_REQUEST": "3", "TRAVIS_SECURE_ENV_VARS": "false"} {
		w.env[k] = v
	}
	b, err := Build(t.Context(), w.p, BuildOptions{})
	if err != nil || b.Pushed || b.Withheld == "" || !strings.Contains(w.log.String(), "1 passed, 0 failed") {
		t.Errorf("%+v %v; log:\n%s", b, err, w.log)
	}
	if tags, err := w.p.Access.Tags(t.Context(), w.host+"/hello"); err != nil || len(tags) != 0 {
		t.Errorf("pushed %v, %v", tags, err)
	}
	var skip *Skip
	if _, err := Bump(t.Context(), w.p); !errors.As(err, &skip) {
		t.Errorf("bump: %v, want a skip", err)
	}
}

func TestABuildWhoseUnitTestsFailPushesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("cmd/hello/main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestHello(t *testing.T) { t.Fatal(\"no\") }\n")
	w.commit("broken")
	if _, err := Build(t.Context(), w.p, BuildOptions{}); failure.Of(err) != failure.TestFailed {
		t.Errorf("got %v", err)
	}
	if tags, _ := w.p.Access.Tags(t.Context(), w.host+"/hello"); len(tags) != 0 {
		t.Errorf("pushed %v", tags)
	}
}

func TestLatestFollowsTheHighestReleaseOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	build := func() *BuildResult { return w.built() }
	if b := build(); b.Latest {
		t.Error("a development build became latest")
	}
	latest := func() string { d, _ := w.p.Access.Digest(context.Background(), w.host+"/hello:latest"); return d }
	w.write("x", "1")
	w.commit("for 1.1.0")
	w.tag("v1.1.0")
	high := build()
	if !high.Latest || latest() != high.Digest || high.Tag != "v1.1.0" {
		t.Errorf("the release is %+v, latest %s", high, latest())
	}
	if err := w.source.Checkout(t.Context(), "v1.1.0~1"); err != nil {
		t.Fatal(err)
	}
	w.tag("v1.0.5")
	if b := build(); b.Latest || latest() != high.Digest {
		t.Errorf("the fix of an old line took latest: %+v", b)
	}
	if err := w.source.Checkout(t.Context(), "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	w.tag("v2.0.0-rc.1")
	if b := build(); b.Latest || !b.Pushed {
		t.Errorf("the prerelease is %+v", b)
	}
	if err := w.source.Checkout(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	git(t, w.source.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "for 1.2.0")
	w.tag("v1.2.0")
	if b := build(); !b.Latest || latest() != b.Digest {
		t.Errorf("latest is stuck behind a prerelease: %+v", b)
	}
}
