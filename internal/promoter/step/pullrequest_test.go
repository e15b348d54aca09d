package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/forge"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
)

// protect makes a branch of a repository reject pushes.
func (w *world) protect(repository string) {
	w.t.Helper()
	if out, err := exec.Command("git", "-C", w.source.Dir, "push", "-q", repository, "HEAD:refs/heads/main").CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	hook := "#!/bin/sh\nwhile read -r old new ref; do [ \"$ref\" != refs/heads/main ] || { echo 'GH006: Protected branch' >&2; exit 1; }; done\n"
	if err := os.WriteFile(repository+"/hooks/pre-receive", []byte(hook), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// merge merges a branch of a repository into main, as a forge does.
func (w *world) merge(repository, branch string) {
	w.t.Helper()
	if out, err := exec.Command("git", "-C", repository, "update-ref", "refs/heads/main", "refs/heads/"+branch).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

func TestACandidateOfAProtectedBranchWaitsInABranch(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.env["QA_KEY"], w.env["QA_PUB"] = string(priv), string(pub)
	w.protect(w.qa)
	if _, err := Bump(t.Context(), w.p); !errors.Is(err, gitrepo.ErrPushDenied) || !strings.Contains(err.Error(), "GH006") {
		t.Errorf("a push: %v", err)
	}
	w.p.Config.Stages[0].Candidate.PullRequest = &config.PullRequest{}
	const branch = "chart-promoter/candidate-hello"
	r, err := Bump(t.Context(), w.p)
	if err != nil || !r.Changed || r.PullRequest == nil || r.PullRequest.Branch != branch || r.PullRequest.Base != "main" {
		t.Fatalf("%+v, %v", r, err)
	}
	again, err := Bump(t.Context(), w.p)
	if err != nil || again.Changed || again.PullRequest == nil || again.Commit != r.Commit {
		t.Errorf("again: %+v, %v", again, err)
	}
	var skip *Skip
	if _, err := Verify(t.Context(), w.p, VerifyOptions{}); !errors.As(err, &skip) || skip.Reason != Waiting {
		t.Errorf("verify: %v, want a skip", err)
	}
	res, err := Run(t.Context(), w.p, Options{Verify: VerifyOptions{Options: testenv.Options{Kubeconfig: "needs no engine"}}})
	if err != nil || res.Verify != nil || !strings.Contains(strings.Join(res.Skipped, "\n"), "waits in branch "+branch) {
		t.Errorf("run: %+v, %v", res, err)
	}
	w.merge(w.qa, branch)
	merged, err := Bump(t.Context(), w.p)
	if err != nil || merged.Changed || merged.PullRequest != nil {
		t.Errorf("merged: %+v, %v", merged, err)
	}
	if waits, err := w.p.candidates().Waiting(t.Context(), merged.Version.Commit); waits || err != nil {
		t.Errorf("merged: waits %v, %v", waits, err)
	}
}

func TestThePullRequestOfACandidateIsOpenedByTheAPI(t *testing.T) {
	t.Parallel()
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		if r.Method == http.MethodGet {
			fmt.Fprint(rw, "[]")
			return
		}
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		seen = append(seen, fmt.Sprint(body["title"], body["head"], body["base"]))
		fmt.Fprint(rw, `{"number":7,"html_url":"https://git.example.com/o/qa/pull/7"}`)
	}))
	t.Cleanup(srv.Close)
	w := withoutBuild(t)
	w.env[ci.HostVariable(ci.GitToken, "git.example.com")] = "secret-word"
	c := &config.PullRequest{Forge: forge.GitHub, API: srv.URL}
	change := &gitrepo.Proposal{Waiting: true, Base: "main", Head: "up/x", Message: "Candidate hello 1.0.0\n\nSource-Commit: a\n"}
	res, err := w.p.openPullRequest(t.Context(), c, "git@git.example.com:o/qa.git", change)
	if err != nil || res.URL != "https://git.example.com/o/qa/pull/7" || res.Link != "" {
		t.Errorf("%+v, %v", res, err)
	}
	want := "GET /repos/o/qa/pulls Bearer secret-word\nPOST /repos/o/qa/pulls Bearer secret-word\nCandidate hello 1.0.0up/xmain"
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("the server got\n%s", got)
	}
	if strings.Contains(w.log.String(), "secret-word") || !strings.Contains(w.log.String(), "opened pull request https://") {
		t.Errorf("log: %s", w.log)
	}
}

func TestWithoutATokenThePullRequestIsLeftToTheUserWithItsLink(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.env[ci.GitToken], w.env[ci.GitHost] = "secret-word", "another.example"
	for git, want := range map[string]string{
		"https://github.com/o/qa.git":       "https://github.com/o/qa/compare/main...up/x?expand=1",
		"https://gitlab.example.com/o/p/q":  "https://gitlab.example.com/o/p/q/-/merge_requests/new?",
		"ssh://git@git.example.com:22/o/qa": "",
		"/srv/qa.git":                       "",
	} {
		res, err := w.p.openPullRequest(t.Context(), &config.PullRequest{}, git, &gitrepo.Proposal{Waiting: true, Base: "main", Head: "up/x", Message: "t"})
		if err != nil || res.URL != "" || !strings.HasPrefix(res.Link, want) || (res.Link == "") != (want == "") {
			t.Errorf("%s: %+v, %v", git, res, err)
		}
	}
	if got := w.p.forgeOf(&config.PullRequest{}, "https://bot:s3c%2Fret@gitlab.com/o/qa"); got.Token != "s3c/ret" || got.API != "https://gitlab.com/api/v4" {
		t.Errorf("the token of the address is not used: %q at %s", got.Token, got.API)
	}
}

func TestAnOlderCommitReplacesNoNewerCandidateThatWaits(t *testing.T) {
	t.Parallel()
	w := withoutBuild(t)
	w.protect(w.qa)
	w.p.Config.Stages[0].Candidate.PullRequest = &config.PullRequest{}
	older, err := w.source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.write("x", "y")
	w.commit("newer")
	newer, err := Bump(t.Context(), w.p)
	if err != nil || newer.PullRequest == nil {
		t.Fatalf("%+v, %v", newer, err)
	}
	if err := w.source.Checkout(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	_, err = Bump(t.Context(), w.p)
	if skip, ok := errors.AsType[*Skip](err); !ok || skip.Reason != Outdated || !strings.Contains(skip.Error(), "bump --allow-older") {
		t.Errorf("the older commit: %v, want a Skip that it is outdated", err)
	}
	at, err := (&gitrepo.Repo{Dir: w.qa}).Resolve(t.Context(), "refs/heads/"+newer.PullRequest.Branch)
	if err != nil || at != newer.Commit {
		t.Errorf("the branch is at %s, want %s (%v)", at, newer.Commit, err)
	}
}

func TestAVersionIsYankedThroughAPullRequest(t *testing.T) {
	t.Parallel()
	r := newPublished(t)
	publish := r.p.Config.Stage("prod").Publish
	publish.PullRequest = &config.PullRequest{}
	for range 2 { // it is the same request again
		yanked, err := Yank(t.Context(), r.p, "", "hello", "1.0.0")
		if err != nil || yanked.PullRequest == nil || yanked.PullRequest.Branch != "chart-promoter/yank-hello-1.0.0" || yanked.PullRequest.Base != "main" {
			t.Fatalf("%+v, %v", yanked, err)
		}
		if len(r.published()) != 1 || !strings.Contains(r.log.String(), "pushed "+yanked.PullRequest.String()) {
			t.Errorf("%d versions are left; log: %s", len(r.published()), r.log)
		}
	}
	r.merge(r.prod, "chart-promoter/yank-hello-1.0.0")
	if len(r.published()) != 0 {
		t.Errorf("merged: %d versions are left", len(r.published()))
	}
}
