package step

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// withoutBuild is a world whose pipeline builds no image.
func withoutBuild(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.p.Config.Stages = w.p.Config.Stages[1:]
	w.p.Config.Chart.Fields = nil
	return w
}

func TestABuildThatNobodyAllowedPushesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want error // nil: it is skipped
	}{
		"a branch in an engine without files here":       {map[string]string{"JENKINS_URL": "http://j/"}, ErrUndecided},
		"a pull request in an engine without files here": {map[string]string{"JENKINS_URL": "http://j/", "CHANGE_ID": "7", ci.Push: "true"}, nil},
		"a merge queue":             {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "merge_group"}, nil},
		"a job that is not to push": {map[string]string{ci.Push: "false"}, nil},
		"the head of a pull request in a workflow of the main branch": {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_SHA": strings.Repeat("b", 40)}, ErrOtherCommit},
	} {
		t.Run(name, func(t *testing.T) {
			w := withoutBuild(t)
			for k, v := range c.env {
				w.env[k] = v
			}
			var skip *Skip
			check := func(what string, err error) {
				switch {
				case c.want == nil && !errors.As(err, &skip):
					t.Errorf("%s: %v, want a skip", what, err)
				case c.want != nil && (!errors.Is(err, c.want) || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), ci.Push)):
					t.Errorf("%s: %v, want %v and the variable that decides", what, err, c.want)
				}
			}
			_, err := Bump(t.Context(), w.p)
			check("bump", err)
			if c.want != nil {
				if _, err := Explain(t.Context(), w.p); err != nil || !strings.Contains(w.log.String(), c.want.Error()) {
					t.Errorf("explain: %v\n%s", err, w.log)
				}
				_, err = Verify(t.Context(), w.p, VerifyOptions{})
				check("verify", err)
				_, err = Run(t.Context(), w.p, Options{})
				check("run", err)
			}
			if _, err := (&gitrepo.Repo{Dir: w.qa}).Head(t.Context()); !errors.Is(err, gitrepo.ErrNoRef) {
				t.Errorf("a candidate was pushed: %v", err)
			}
		})
	}
}

func TestABuildThatIsAllowedToPushDoes(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"an engine without files here": {"CIRCLECI": "true", ci.Push: "true"},
		"another commit":               {"GITHUB_ACTIONS": "true", "GITHUB_SHA": strings.Repeat("b", 40), ci.Push: "true"},
		"a merge queue":                {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "merge_group", ci.Push: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			w := withoutBuild(t)
			for k, v := range env {
				w.env[k] = v
			}
			if r, err := Bump(t.Context(), w.p); err != nil || !r.Changed {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestTheCommitOfAnAnnotatedTagIsTheOneThatIsBuilt(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.tag("v1.0.0")
	object, err := exec.Command("git", "-C", w.source.Dir, "rev-parse", "refs/tags/v1.0.0").Output()
	if err != nil {
		t.Fatal(err)
	}
	w.env["GITHUB_ACTIONS"], w.env["GITHUB_SHA"] = "true", strings.TrimSpace(string(object))
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Error(err)
	}
}

// A configuration is tried before it is committed.
func TestADryRunAndAnExplanationTakeAConfigurationThatIsNotCommitted(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.write("cmd/hello/main.go", "package main // changed\n")
	steps, err := Explain(t.Context(), w.p)
	if err != nil || len(steps) == 0 {
		t.Errorf("explain: %v", err)
	}
	w.p.DryRun = true
	r, err := Bump(t.Context(), w.p)
	if err != nil || !strings.Contains(r.Diff, "+version: 0.0.1-dev") || !strings.Contains(w.log.String(), "uncommitted changes") {
		t.Errorf("bump: %v, %+v\n%s", err, r, w.log)
	}
}

func TestARunWithATokenForOneOfSeveralHostsIsRejected(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.p.Config.Stages[0].Candidate.Git, w.p.Config.Stages[1].Publish.Git = "https://a.invalid/x.git", "https://b.invalid/x.git"
	w.env[ci.GitToken] = "secret-word"
	_, err := Run(t.Context(), w.p, Options{})
	if failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), ci.HostVariable(ci.GitToken, "b.invalid")) {
		t.Errorf("(%s) %v", failure.Of(err), err)
	}
	for url, want := range map[string]string{"https://a.invalid/x.git": "secret-word", "https://b.invalid/x.git": "", "/srv/x.git": ""} {
		if got := w.p.pushingTo(url).gitAccess().For("a.invalid").Password; got != want {
			t.Errorf("a push to %s: a.invalid gets %q, want %q", url, got, want)
		}
	}
}
