package step

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	manyFiles      = 60_000
	manyCandidates = 4_000
	// workLimit is how much the work directory may hold after bump and when verify has its candidate, in bytes, whatever else the repositories hold.
	workLimit = 5 << 20
)

// fastImport gives commands to git fast-import.
func fastImport(t testing.TB, dir, commands string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

const nobody = "committer A <a@example.com> 1700000000 +0000\n"

// large is a world whose source has many files beside the chart, of 4 KiB each. Its work tree has the chart alone.
func large(t testing.TB) *world {
	t.Helper()
	w := withoutBuild(t)
	var b strings.Builder
	content := strings.Repeat("x", 4<<10)
	fmt.Fprintf(&b, "blob\nmark :1\ndata %d\n%s\ncommit refs/heads/main\n%sdata 4\nmany\nfrom refs/heads/main^0\n", len(content), content, nobody)
	for n := range manyFiles {
		fmt.Fprintf(&b, "M 100644 :1 src/%d/%d.txt\n", n/100, n%100)
	}
	fastImport(t, w.source.Dir, b.String())
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(w.source.Dir, ".git", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(w.source.Dir, ".git", "info"), 0o755); err != nil {
		t.Fatal(err)
	}
	put("info/sparse-checkout", "/charts/\n")
	git(t, w.source.Dir, "config", "core.sparseCheckout", "true")
	git(t, w.source.Dir, "read-tree", "-mu", "HEAD")
	git(t, w.source.Dir, "push", "-q", "origin", "main")
	return w
}

// many is a world whose repository of candidates has many commits, all of one chart.
func many(t testing.TB) *world {
	t.Helper()
	w := withoutBuild(t)
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	first := w.candidates()[0]
	var b strings.Builder
	for n := range manyCandidates {
		chart := fmt.Sprintf("apiVersion: v2\nname: hello\nversion: 0.0.1-dev.%d\n", n)
		message := fmt.Sprintf("%s %d\n\n%s\n", first.Subject, n, first.Body)
		fmt.Fprintf(&b, "commit refs/heads/main\n%sdata %d\n%s", nobody, len(message), message)
		if n == 0 {
			b.WriteString("from refs/heads/main^0\n")
		}
		fmt.Fprintf(&b, "M 100644 inline hello/Chart.yaml\ndata %d\n%s\n", len(chart), chart)
	}
	fastImport(t, w.qa, b.String())
	w.write("charts/hello/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n")
	w.commit("another template")
	return w
}

// held is how many bytes the files of a directory have.
func held(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

var costly = map[string]func(testing.TB) *world{"60000 files in the source": large, "4000 candidates": many}

func TestTheWorkDirectoryHoldsTheChartAlone(t *testing.T) {
	t.Parallel()
	for name, create := range costly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := create(t)
			if r, err := Bump(t.Context(), w.p); err != nil || !r.Changed {
				t.Fatalf("%+v, %v", r, err)
			}
			if _, err := w.p.candidates().Open(t.Context(), "", ""); err != nil { // what verify does first
				t.Fatal(err)
			}
			got := held(t, string(w.p.Work))
			t.Logf("the work directory has %d bytes", got)
			if got > workLimit {
				t.Errorf("that is more than %d", workLimit)
			}
		})
	}
}

// go test -run ^$ -bench OfLargeRepositories ./internal/promoter/step prints how long each command takes.
func BenchmarkCommandsOfLargeRepositories(b *testing.B) {
	for name, create := range costly {
		w := create(b)
		for command, run := range map[string]func() error{
			"version": func() error { _, err := Version(b.Context(), w.p); return err },
			"bump":    func() error { _, err := Bump(b.Context(), w.p); return err },
			"status":  func() error { _, err := w.p.Stages().Status(b.Context(), 20); return err },
		} {
			b.Run(name+"/"+command, func(b *testing.B) {
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
