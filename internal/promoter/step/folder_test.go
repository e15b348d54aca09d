package step

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// The chart repository is a folder of a branch of the program's own repository, which has no such branch yet.
func TestTheFirstPromotionCreatesTheBranch(t *testing.T) {
	t.Parallel()
	r := newRelease(t, "v1.2.0")
	r.leave()
	prod := r.p.Config.Stage("prod").Publish
	prod.Git, prod.Branch, prod.Path = r.origin, "gh-pages", "docs"
	for _, f := range Doctor(t.Context(), r.p) {
		if f.What == "repository of prod" && f.Problem != "" {
			t.Errorf("doctor: %s", f.Problem)
		}
	}
	for _, r.p.DryRun = range []bool{true, false} {
		p, err := Promote(t.Context(), r.p, PromoteOptions{})
		if err != nil || !p.Changed || !strings.Contains(r.log.String(), "branch gh-pages is new") {
			t.Fatalf("%+v, %v:\n%s", p, err, r.log)
		}
	}
	if list := r.published(); len(list) != 1 || list[0].Version != "1.2.0" {
		t.Errorf("published: %+v", list)
	}
	steps, err := Explain(t.Context(), r.p)
	if last := steps[len(steps)-1]; err != nil || !strings.Contains(last.Does, "folder docs") {
		t.Errorf("explain: %+v %v", last, err)
	}
	main, err := gitrepo.Clone(t.Context(), r.origin, t.TempDir(), gitrepo.CloneOptions{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := main.File(t.Context(), "HEAD", "docs/index.yaml"); err == nil {
		t.Error("main has the index")
	}
}

func TestDoctorRequiresTheBranchOfTheCandidates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	priv, pub, _ := attest.GenerateKey()
	w.env["QA_KEY"], w.env["QA_PUB"] = string(priv), string(pub)
	qa := w.p.Config.Stage("qa").Candidate
	qa.Git, qa.Branch = w.origin, "candidates"
	found := false
	for _, f := range Doctor(t.Context(), w.p) {
		found = found || f.What == "candidates' repository" && strings.Contains(f.Problem, "does not exist")
	}
	if !found {
		t.Error("a branch of candidates that does not exist passes")
	}
}
