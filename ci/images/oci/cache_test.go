package oci

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func digestIn(t *testing.T, dir string) string {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(index)
}

func TestALayoutIsBuiltOnceForEachStateOfItsInputs(t *testing.T) {
	home, dir := t.TempDir(), filepath.Join(t.TempDir(), "layout")
	env := func(name string) string { return map[string]string{"HOME": home}[name] }
	builds, part := 0, filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(part, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(inputs string, env func(string) string) string {
		t.Helper()
		err := Layout{Name: "hello", Inputs: []byte(inputs), Keeps: []string{part}, Build: func() (v1.ImageIndex, error) {
			builds++
			return Index([]string{"linux/amd64"}, Image{Files: map[string]Entry{"hello": {Content: []byte(inputs)}}, When: time.Unix(0, 0), CreatedBy: "test"}.For)
		}}.Write(env, dir)
		if err != nil {
			t.Fatal(err)
		}
		return digestIn(t, dir)
	}
	kept := func() string {
		found, err := filepath.Glob(filepath.Join(home, ".cache", "bitcoin-controller", "layouts", "*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("kept: %v (%v)", found, err)
		}
		return found[0]
	}
	first := write("a", env)
	old := time.Now().Add(-40 * 24 * time.Hour)
	for _, path := range []string{kept(), part} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if again := write("a", env); again != first || builds != 1 {
		t.Errorf("with the same inputs: %d builds, %s, want that of before, %s", builds, again, first)
	}
	for _, path := range []string{kept(), part} {
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) > time.Hour {
			t.Errorf("scripts/machine.sh would remove %s, which was used just now (%v)", path, err)
		}
	}
	blobs, err := filepath.Glob(filepath.Join(kept(), "blobs", "sha256", "*"))
	if err != nil || len(blobs) < 4 {
		t.Fatalf("contents: %v (%v)", blobs, err)
	}
	for name, broken := range map[string]func() error{
		"other contents": func() error { return os.WriteFile(blobs[0], []byte("other"), 0o644) },
		"no contents":    func() error { return os.RemoveAll(filepath.Dir(blobs[0])) },
		"no index":       func() error { return os.Remove(filepath.Join(kept(), "index.json")) },
		"an empty index": func() error { return os.Truncate(filepath.Join(kept(), "index.json"), 0) },
		"one missing":    func() error { return os.Remove(blobs[1]) },
		"another one":    func() error { return os.Remove(blobs[len(blobs)-1]) },
	} {
		before := builds
		if err := broken(); err != nil {
			t.Fatal(err)
		}
		if again := write("a", env); again != first || builds != before+1 {
			t.Errorf("%s in the cache: %d builds, %s, want one more and %s", name, builds-before, again, first)
		}
		if again := write("a", env); again != first || builds != before+1 {
			t.Errorf("%s in the cache: it was not built into the cache", name)
		}
	}
	before := builds
	if other := write("b", env); other == first || builds != before+1 {
		t.Errorf("with other inputs: %d builds more, %s", builds-before, other)
	}
	write("b", func(string) string { return "" })
	if builds != before+2 {
		t.Error("without a home something was in a cache")
	}
}

func TestAnImageThatCannotBeBuiltIsNotKept(t *testing.T) {
	home, wrong := t.TempDir(), errors.New("it cannot be built")
	err := Layout{Name: "hello", Build: func() (v1.ImageIndex, error) { return nil, wrong }}.Write(func(string) string { return home }, filepath.Join(t.TempDir(), "layout"))
	if !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(home, "bitcoin-controller", "layouts", "*")); len(left) > 0 {
		t.Errorf("kept: %v", left)
	}
}
