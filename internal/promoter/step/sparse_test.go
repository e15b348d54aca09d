package step

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// The server has lost a file beside the chart, so that a clone which downloads more than the chart fails.
func TestOnlyTheChartOfTheCandidatesRepositoryIsDownloaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	other, err := gitrepo.Clone(t.Context(), w.qa, filepath.Join(t.TempDir(), "other"), gitrepo.CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"large/file": "not of the chart", ".gitattributes": "*.md text\n"} {
		path := filepath.Join(other.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Commit(t.Context(), "files of others", gitrepo.Author{}); err != nil {
		t.Fatal(err)
	}
	if err := other.Push(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	git(t, w.qa, "config", "uploadpack.allowFilter", "true")
	git(t, w.qa, "config", "uploadpack.allowAnySHA1InWant", "true")
	blob := strings.TrimSpace(git(t, w.qa, "rev-parse", "main:large/file"))
	if err := os.Remove(filepath.Join(w.qa, "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}

	w.write("charts/hello/values.yaml", strings.Replace(valuesYAML, "other: {tag: x}", "other: {tag: z}", 1))
	w.commit("second")
	w.built()
	b, err := Bump(t.Context(), w.p)
	if err != nil || !b.Changed {
		t.Fatalf("%+v %v", b, err)
	}
	if got := w.candidate("hello/values.yaml"); !strings.Contains(got, "other: {tag: z}") {
		t.Errorf("the candidate has\n%s", got)
	}
	if got := git(t, w.qa, "ls-tree", "-r", "--name-only", "main"); !strings.Contains(got, "large/file") || !strings.Contains(got, ".gitattributes") {
		t.Errorf("the candidates' repository has only\n%s", got)
	}
	if _, err := w.p.candidates().Open(t.Context(), "", b.Commit); err != nil {
		t.Errorf("the candidate is not packaged: %v", err)
	}
}
