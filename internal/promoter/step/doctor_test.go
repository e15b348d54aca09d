package step

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func TestDoctorNamesWhatIsMissingAndNothingElse(t *testing.T) {
	w := newWorld(t)
	problems := func() map[string]string {
		m := map[string]string{}
		for _, f := range Doctor(t.Context(), w.p) {
			if f.Problem != "" && f.Detail != "" {
				t.Errorf("%s has the problem %q, and is reported as well: %q", f.What, f.Problem, f.Detail)
			}
			// Whether a container engine runs here is not this test's business.
			if f.Problem != "" && f.What != "cluster engine" {
				m[f.What] = f.Problem
			}
		}
		return m
	}
	if got := problems(); len(got) != 2 || got["signing key of qa"] == "" || got["public key of qa"] == "" {
		t.Errorf("without keys: %v", got)
	}
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.env["QA_KEY"], w.env["QA_PUB"] = string(priv), string(pub)
	if got := problems(); len(got) != 0 {
		t.Errorf("with everything there: %v", got)
	}
	w.p.Config.Tester().Candidate.Git = "/no/such/repo.git"
	w.p.Config.Builder().Build.Image.Repository = "127.0.0.1:1/hello"
	got := problems()
	if len(got) != 2 || !strings.Contains(got["candidates' repository"], "/no/such/repo.git") {
		t.Errorf("without a repository and a registry: %v", got)
	}
	old := t.TempDir()
	if err := os.WriteFile(old+"/git", []byte("#!/bin/sh\necho git version 2.30.2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", old)
	if got := problems()["git"]; got != "git version 2.30.2: this git is too old: install git 2.34 or later" {
		t.Errorf("with an old git: %q", got)
	}
	t.Setenv("PATH", t.TempDir())
	if got := problems(); !strings.Contains(got["git"], "install git") || !strings.Contains(got["go"], "install go") {
		t.Errorf("without git and go: %v", got)
	}
}

func TestDoctorEndsThoughAProgramHangs(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/go", []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Cleanup(func() { programLimit = time.Minute })
	programLimit = 500 * time.Millisecond
	problem := make(chan string, 1)
	go func() {
		_, err := program("build", "go", "version").Check(t.Context(), w.p)
		problem <- fmt.Sprint(err)
	}()
	select {
	case got := <-problem:
		if !strings.Contains(got, "go version did not end within 500ms") {
			t.Errorf("go: %q", got)
		}
	case <-time.After(30 * time.Second):
		t.Error("the check did not end within 30 s")
	}
}

func TestDoctorNamesTheGitThatIsRequired(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/git", []byte("#!/bin/sh\necho git version 2.25.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	problem := ""
	for _, f := range Doctor(t.Context(), w.p) {
		if f.What == "git" {
			problem = f.Problem
		}
	}
	if !strings.Contains(problem, "2.25.1") || !strings.Contains(problem, "install git "+gitrepo.MinVersion) {
		t.Errorf("git: %q", problem)
	}
}

func TestARunThatMustFailFailsBeforeItBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.Config.Publishers()[0].Publish.Git = "/no/such/prod.git"
	priv, pub, _ := attest.GenerateKey()
	w.env["QA_KEY"], w.env["QA_PUB"] = string(priv), string(pub)
	_, err := Run(t.Context(), w.p, Options{})
	if failure.Of(err) != failure.External {
		t.Errorf("got %v", err)
	}
	if tags, _ := w.p.Access.Tags(t.Context(), w.host+"/hello"); len(tags) != 0 {
		t.Errorf("it built and pushed %v", tags)
	}
	if _, err := (&gitrepo.Repo{Dir: w.qa}).Head(t.Context()); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("it created a candidate: %v", err)
	}
}

func TestExplainForEachEngineReportsWhatWouldBeDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tag("v1.0.0")
	head, _ := w.source.Head(t.Context())
	for name, c := range map[string]struct {
		env     map[string]string
		skipped string
	}{
		"a tag on Travis":              {map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_TAG": "v1.0.0", "TRAVIS_PULL_REQUEST": "false"}, ""},
		"a branch on GitHub":           {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SHA": head, "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main"}, "promote"},
		"a merge request on GitLab":    {map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_IID": "1"}, "bump verify promote"},
		"a tag on one's own machine":   {nil, ""},
		"a pull request on Travis":     {map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": head, "TRAVIS_PULL_REQUEST": "4"}, "bump verify promote"},
		"another repository on Travis": {map[string]string{"TRAVIS": "true", "TRAVIS_COMMIT": strings.Repeat("0", 40), "TRAVIS_PULL_REQUEST": "false"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				w.env[k] = v
				defer delete(w.env, k)
			}
			steps, err := Explain(t.Context(), w.p)
			if err != nil {
				t.Fatal(err)
			}
			var names, skipped []string
			for _, s := range steps {
				names = append(names, s.Step)
				if s.Skipped != "" {
					skipped = append(skipped, s.Step)
				}
			}
			if got := strings.Join(names, " "); got != "version build bump verify promote" {
				t.Errorf("steps: %s", got)
			}
			if got := strings.Join(skipped, " "); got != c.skipped {
				t.Errorf("not done: %q, want %q", got, c.skipped)
			}
		})
	}
}
