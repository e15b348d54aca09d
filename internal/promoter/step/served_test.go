package step

import (
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
)

// served serves the candidates' repository over HTTP with a password, and sends parts of it, as forges do. It returns the address with the
// password.
func (w *world) served() string {
	w.t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	git(w.t, w.qa, "config", "uploadpack.allowFilter", "true")
	git(w.t, w.qa, "config", "http.receivepack", "true")
	backend := cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(w.qa), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"}}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); !ok || password != "secret-word" {
			rw.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(rw, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "http://", "http://me:secret-word@", 1) + "/" + filepath.Base(w.qa)
}

func TestMergedCandidatesAreFoundInAPrivateRepositoryThatSendsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.started(w.qa)
	w.p.Config.Builder().Build.Files = &config.Files{Paths: []string{"go.mod"}}
	c := w.p.Config.Stages[1].Candidate
	c.PullRequest, c.Path, c.Git = &config.PullRequest{}, "charts/hello", w.served()
	old := w.older()
	for i := range 3 {
		w.write("charts/hello/values.yaml", valuesYAML+strings.Repeat("#\n", i+1))
		w.commit("newer")
		r, err := w.bumped(BumpOptions{})
		if err != nil || r.PullRequest == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		w.mergeAs("squash", w.qa, r.PullRequest.Branch)
	}
	head, err := w.source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var skip *Skip
	if _, err := old.bumped(BumpOptions{}); !errors.As(err, &skip) || skip.Reason != Outdated {
		t.Errorf("an older commit after three merged candidates: %v", err)
	}
	last := strings.TrimSpace(git(t, w.qa, "rev-parse", "main"))
	for _, commit := range []string{"", last} {
		opened, err := w.p.candidates().Open(t.Context(), "", commit)
		if err != nil || opened.SourceCommit != head || opened.Files == "" {
			t.Errorf("commit %q: %+v, %v; want the source %s and its files", commit, opened, err, head)
		}
	}
	w.write("charts/hello/values.yaml", valuesYAML+"# once more\n")
	next := w.commit("once more")
	p := *w.p
	p.DryRun = true
	w.built()
	if r, err := Bump(t.Context(), &p); err != nil || !strings.Contains(r.Diff, "+Source-Commit: "+next) {
		t.Errorf("a dry run: %+v, %v", r, err)
	}
}

func TestACandidateWithTheSameFilesIsTheSameCandidate(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]string{"as they are": "", "with other line ends in git": "* text=auto\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chartsWorld(t, strings.Replace(severalYAML, `{git: "${QA}"}`, `{git: "${QA}", pullRequest: {}}`, 1))
			w.started(w.qa)
			w.pushed(".gitattributes", attributes)
			w.write("charts/filed/values.yaml", "a: 1\r\nb: 2\r\n")
			first := w.commit("feat: filed")
			r, err := Bump(t.Context(), w.one("filed"))
			if err != nil || r.PullRequest == nil {
				t.Fatalf("%+v, %v", r, err)
			}
			w.mergeAs("squash", w.qa, r.PullRequest.Branch)
			w.write("README.md", "Charts\n")
			// As of a configuration with one chart, whose candidates are of the commit that is built.
			next := r.Version
			next.Commit = w.commit("docs: only")
			u := candidate.Update{Version: next, ChartDir: filepath.Join(w.source.Dir, "charts", "filed"), Source: dependency.Source{Top: w.source.Dir}}
			if again, err := w.one("filed").candidates().Update(t.Context(), u); err != nil || again.Changed || again.Proposal.Waiting {
				t.Errorf("a commit that changes no chart: %+v, %v; want no pull request", again, err)
			}
			for _, dir := range []string{"", w.checkout(w.qa, "1")} {
				if c, err := w.one("filed").candidates().Open(t.Context(), dir, ""); err != nil || c.SourceCommit != first {
					t.Errorf("opened from %q: %+v, %v; want the source %s", dir, c, err, first)
				}
			}
		})
	}
}

func TestAFileOfTrailersFollowsCandidatesThatArePushed(t *testing.T) {
	t.Parallel()
	w := chartsWorld(t, strings.Replace(severalYAML, `{git: "${QA}"}`, `{git: "${QA}", pullRequest: {}}`, 1))
	w.started(w.qa)
	r, err := Bump(t.Context(), w.one("api"))
	if err != nil || r.PullRequest == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	w.mergeAs("squash", w.qa, r.PullRequest.Branch)
	pushing := *w.p.Config
	w.p.Config = &pushing
	pushing.Stages[0].Candidate.PullRequest = nil
	older := w.older()
	w.write("charts/api/values.yaml", "a: 1\n")
	next := w.commit("feat: api")
	if r, err := Bump(t.Context(), w.one("api")); err != nil || !r.Changed {
		t.Fatalf("%+v, %v", r, err)
	}
	if file := git(t, w.qa, "show", "main:.chart-promoter/api.txt"); !strings.Contains(file, "Source-Commit: "+next) {
		t.Errorf("the file has\n%s", file)
	}
	// Of another hand, which leaves the file as it is.
	w.pushed("README.md", "Candidates of all charts\n")
	older.write("x", "1")
	var skip *Skip
	if _, err := Bump(t.Context(), older.one("api")); !errors.As(err, &skip) || skip.Reason != Outdated {
		t.Errorf("an older commit: %v", err)
	}
}

// pushed pushes a file to the candidates' repository.
func (w *world) pushed(name, content string) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "pushed")
	git(w.t, w.source.Dir, "clone", "-q", w.qa, dir)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
	git(w.t, dir, "add", ".")
	git(w.t, dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "-m", "By hand")
	git(w.t, dir, "push", "-q", "origin", "HEAD:main")
}
