package candidate

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAChartAtTheRootLeavesItsNeighboursAlone(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	for path, content := range map[string]string{
		src + "/Chart.yaml": "new", src + "/templates/a.yaml": "a", dst + "/Chart.yaml": "old", dst + "/templates/gone.yaml": "x",
		dst + "/.travis.yml": "ci", dst + "/.git/config": "git", dst + "/docs/x": "doc",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := syncChart(src, src, root, "."); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"Chart.yaml": "new", "templates/a.yaml": "a", ".travis.yml": "ci", ".git/config": "git", "docs/x": "doc", "templates/gone.yaml": ""} {
		if got, _ := os.ReadFile(filepath.Join(dst, path)); string(got) != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
}
