package step

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// forgeMerges are the ways in which forges merge a pull request, as scripts that run in a clone with the variable BRANCH. Only the rebase
// keeps the message of the candidate's commit; a squash on GitLab has the title alone by default.
var forgeMerges = map[string]string{
	"merge commit": `git merge -q --no-ff -m "Merge pull request #7 from team/$BRANCH" -m 'A title' "origin/$BRANCH"`,
	"squash":       `git merge -q --squash "origin/$BRANCH" && git commit -q -m 'A title (#7)'`,
	"rebase":       `git cherry-pick "origin/$BRANCH" >/dev/null`,
}

// mergedAt is when forges merge.
var mergedAt = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)

// mergeAs merges a branch of a repository in one of these ways.
func (w *world) mergeAs(way, repository, branch string) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "merge")
	script := `git clone -q "$1" "$2" && cd "$2" && git config user.name F && git config user.email f@example.com && ` + forgeMerges[way] + ` && git push -q origin HEAD`
	c := exec.Command("sh", "-c", script, "sh", repository, dir)
	c.Env = append(os.Environ(), "BRANCH="+branch, "GIT_COMMITTER_DATE="+mergedAt.Format(time.RFC3339))
	if out, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", way, err, out)
	}
}

// checkout clones the last commits of a repository, as CI engines do.
func (w *world) checkout(repository, depth string) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "checkout")
	if out, err := exec.Command("git", "clone", "-q", "--depth", depth, "file://"+repository, dir).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// started gives a repository its first commit.
func (w *world) started(repository string) {
	w.t.Helper()
	if _, _, err := gitrepo.Update(w.t.Context(), repository, "main", func(dir string) (string, bool, error) {
		return "Start\n", true, os.WriteFile(dir+"/README.md", []byte("Candidates\n"), 0o644)
	}, gitrepo.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestACandidateOfSeveralChartsIsRecognisedHoweverItWasMerged(t *testing.T) {
	t.Parallel()
	for way := range forgeMerges {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := chartsWorld(t, strings.Replace(severalYAML, `{git: "${QA}"}`, `{git: "${QA}", pullRequest: {}}`, 1))
			w.started(w.qa)
			w.released()
			first, err := w.source.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w.write("charts/api/values.yaml", "a: 1\n")
			of := map[string]string{"api": w.commit("feat: api"), "web": first}
			w.write("charts/web/values.yaml", "a: 1\n")
			of["web"] = w.commit("feat: web")
			branches := map[string]string{}
			for name := range of {
				r, err := Bump(t.Context(), w.one(name))
				if err != nil || r.PullRequest == nil {
					t.Fatalf("%s: %+v, %v", name, r, err)
				}
				branches[name] = r.PullRequest.Branch
			}
			for _, name := range []string{"web", "api"} {
				if waits, err := w.one(name).candidates().Waiting(t.Context(), of[name]); !waits || err != nil {
					t.Errorf("%s before the merge: waits %v, %v", name, waits, err)
				}
				w.mergeAs(way, w.qa, branches[name])
				w.mergedIs(name, of[name])
			}
			if waits, err := w.one("web").candidates().Waiting(t.Context(), of["web"]); waits || err != nil {
				t.Errorf("web, with api merged after it: waits %v, %v", waits, err)
			}
		})
	}
}

// mergedIs checks that a checkout of two commits is a candidate of this chart, from this commit.
func (w *world) mergedIs(name, source string) {
	w.t.Helper()
	o := VerifyOptions{Candidate: w.checkout(w.qa, "2")}
	p := *w.p
	p.DryRun = true
	list, err := p.SelectForVerify(w.t.Context(), Selection{}, o)
	if err != nil || len(list) != 1 || list[0].Config.Label() != name {
		w.t.Errorf("%s: %d charts are selected, %v", name, len(list), err)
		return
	}
	if r, err := Verify(w.t.Context(), list[0], o); err != nil || r.SourceCommit != source {
		w.t.Errorf("%s: %+v, %v; want the source %s", name, r, err, source)
	}
	if r, err := Bump(w.t.Context(), w.one(name)); err != nil || r.Changed || r.PullRequest != nil {
		w.t.Errorf("%s again: %+v, %v; want no change", name, r, err)
	}
}

func TestACandidateIsNotTakenForThatOfAnotherChart(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, severalYAML)
	w.released()
	w.write("charts/api/values.yaml", "a: 1\n")
	api := w.commit("feat: api")
	w.write("charts/web/values.yaml", "a: 1\n")
	w.commit("feat: web")
	for _, name := range []string{"api", "web"} {
		if _, err := Bump(t.Context(), w.one(name)); err != nil {
			t.Fatal(err)
		}
	}
	for depth, want := range map[string]error{"1": candidate.ErrNoSource, "2": nil} {
		p := *w.one("api")
		p.DryRun = true
		r, err := Verify(t.Context(), &p, VerifyOptions{Candidate: w.checkout(w.qa, depth)})
		if !errors.Is(err, want) || want == nil && r.SourceCommit != api {
			t.Errorf("depth %s: %+v, %v; want commit %s or %v", depth, r, err, api, want)
		}
	}
}

func TestAMergedReleaseHasItsFilesItsTimeAndNothingElse(t *testing.T) {
	t.Parallel()
	for way := range forgeMerges {
		for _, path := range []string{"hello", "."} {
			t.Run(way+" "+path, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.started(w.qa)
				w.p.Config.Builder().Build.Files = &config.Files{Paths: []string{"go.mod"}}
				w.p.Config.Stages[1].Candidate.PullRequest = &config.PullRequest{}
				w.p.Config.Stages[1].Candidate.Path = path
				w.tag("v1.0.0")
				files := w.built().Files
				r, err := Bump(t.Context(), w.p)
				if err != nil || r.PullRequest == nil {
					t.Fatalf("%+v, %v", r, err)
				}
				w.mergeAs(way, w.qa, r.PullRequest.Branch)
				for _, depth := range []string{"1", "2"} {
					c, err := w.p.candidates().Open(t.Context(), w.checkout(w.qa, depth), "")
					if err != nil || files == "" || c.Files != files || !c.Since.Equal(mergedAt) {
						t.Fatalf("depth %s: %+v, %v; want the files %q, and the time %s", depth, c, err, files, mergedAt)
					}
					for name := range contents(t, c) {
						if strings.HasPrefix(name, ".chart-promoter") {
							t.Errorf("the package has %s", name)
						}
					}
				}
				if again, err := Bump(t.Context(), w.p); err != nil || again.Changed || again.PullRequest != nil {
					t.Errorf("again: %+v, %v", again, err)
				}
				w.changedByHand(path)
				if _, err := w.p.candidates().Open(t.Context(), w.checkout(w.qa, "2"), ""); !errors.Is(err, candidate.ErrNoSource) || !strings.Contains(err.Error(), "Files") {
					t.Errorf("a release that was changed by hand, and does not name its files: %v", err)
				}
			})
		}
	}
}

// changedByHand pushes a change of the chart to the candidates' repository.
func (w *world) changedByHand(path string) {
	w.t.Helper()
	if _, _, err := gitrepo.Update(w.t.Context(), w.qa, "main", func(dir string) (string, bool, error) {
		return "By hand\n", true, os.WriteFile(filepath.Join(dir, path, "templates", "hand.yaml"), []byte("# by hand\n"), 0o644)
	}, gitrepo.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestEachOfSeveralChartsWaitsForItsOwnPullRequest(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, strings.Replace(severalYAML, `{git: "${QA}"}`, `{git: "${QA}", pullRequest: {}}`, 1))
	w.keys()
	w.started(w.qa)
	w.released()
	w.write("charts/api/values.yaml", "a: 1\n")
	w.commit("feat: api")
	if _, err := Bump(t.Context(), w.one("api")); err != nil {
		t.Fatal(err)
	}
	w.write("charts/web/values.yaml", "a: 1\n")
	w.commit("feat: web, which is not api's commit")
	var skip *Skip
	if _, err := Verify(t.Context(), w.one("api"), VerifyOptions{}); !errors.As(err, &skip) || skip.Reason != Waiting {
		t.Errorf("api, whose candidate is in a pull request: %v", err)
	}
}
