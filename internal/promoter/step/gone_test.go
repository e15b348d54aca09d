package step

import (
	"errors"
	"os"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func TestWhatAChartAtTheRootNoLongerHasLeavesTheCandidateAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.Config.Tester().Candidate.Path = "."
	for _, name := range []string{"extra.yaml", "CHANGES.md", "crds/c.yaml", ".travis.yml", ".helmignore"} {
		w.write("charts/hello/"+name, "# of the chart\n")
	}
	w.commit("with more files")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	theirs := map[string]string{"README.md": "theirs", ".github/workflows/qa.yaml": "theirs", "CHANGES.md": "theirs now", "docs/extra.yaml": "theirs"}
	_, _, err := gitrepo.Update(t.Context(), w.qa, "main", func(dir string) (string, bool, error) {
		for name, content := range theirs {
			err := errors.Join(os.MkdirAll(dir+"/.github/workflows", 0o755), os.MkdirAll(dir+"/docs", 0o755), os.WriteFile(dir+"/"+name, []byte(content), 0o644))
			if err != nil {
				return "", false, err
			}
		}
		return "files of another author", true, nil
	}, gitrepo.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"extra.yaml", "CHANGES.md", "crds", ".travis.yml", ".helmignore"} {
		if err := os.RemoveAll(w.source.Dir + "/charts/hello/" + name); err != nil {
			t.Fatal(err)
		}
	}
	w.commit("without them")
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	for name, content := range theirs {
		if got := w.candidate(name); got != content {
			t.Errorf("%s holds %q, want %q", name, got, content)
		}
	}
	for name, there := range map[string]bool{"extra.yaml": false, "crds/c.yaml": false, ".helmignore": false, ".travis.yml": true, "templates/cm.yaml": true, "Chart.yaml": true} {
		_, err := (&gitrepo.Repo{Dir: w.qa}).File(t.Context(), "refs/heads/main", name)
		if there != (err == nil) {
			t.Errorf("%s exists: %t", name, err == nil)
		}
	}
}
