package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// stopBefore publishes to a directory and stops before it writes a file of this suffix.
func stopBefore(t *testing.T, dir, suffix string, i Item) {
	t.Helper()
	stopped := errors.New("stopped")
	f := folder{dir: dir, journal: true, write: func(file string, content ...[]byte) error {
		if strings.HasSuffix(file, suffix) {
			return stopped
		}
		return writeFile(file, content...)
	}}
	if _, err := f.publish(i); !errors.Is(err, stopped) {
		t.Fatalf("it did not stop before %s: %v", suffix, err)
	}
}

// The package of an interrupted run was never published: the version is free for another one.
func TestAnotherPackageReplacesThatOfAnInterruptedRun(t *testing.T) {
	t.Parallel()
	first, second := item(t, "1.0.0"), item(t, "1.0.0")
	first.Provenance, first.Attestations = []byte("of the first"), [][]byte{[]byte(`{"of":"the first"}`)}
	second.Package = pkg(t, "1.0.0", "b")
	want := t.TempDir()
	publish(t, open(t, Config{Directory: want}), second)
	for _, suffix := range []string{".prov", ".jsonl", indexFile} {
		dir := t.TempDir()
		stopBefore(t, dir, suffix, first)
		target, dry := open(t, Config{Directory: dir}), second
		dry.DryRun = true
		before := tree(t, dir)
		if r := publish(t, target, dry); !r.Changed {
			t.Errorf("stopped before %s, a dry run: %+v", suffix, r)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("a dry run changes\n%s", diff)
		}
		if r := publish(t, target, second); !r.Changed {
			t.Errorf("stopped before %s: %+v", suffix, r)
		}
		if diff := cmp.Diff(tree(t, want), tree(t, dir)); diff != "" {
			t.Errorf("stopped before %s it ends as\n%s", suffix, diff)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".chart-promoter*")); len(left) != 1 { // the lock
			t.Errorf("left behind: %q", left)
		}
	}
}

// A version that was published once keeps its content, whatever is interrupted and yanked.
func TestAYankedVersionNeverGetsAnotherContent(t *testing.T) {
	t.Parallel()
	dir, first, second := t.TempDir(), item(t, "1.0.0"), item(t, "1.0.0")
	second.Package = pkg(t, "1.0.0", "b")
	target := open(t, Config{Directory: dir, Page: landingPage})
	stopBefore(t, dir, indexFile, first)
	publish(t, target, first)
	if _, err := target.Yank(t.Context(), "operator", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	stopBefore(t, dir, indexFile, first) // published again, and interrupted
	var conflict *index.DigestConflictError
	if _, err := target.Publish(t.Context(), second); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "remove operator-1.0.0.tgz") {
		t.Errorf("got %v", err)
	}
	publish(t, target, first)
	// As if killed right after the index was written: the note of the interruption remains.
	if err := os.WriteFile(filepath.Join(dir, unlisted(first.Package.Filename())), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := target.Yank(t.Context(), "operator", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := target.Publish(t.Context(), second); !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
}
