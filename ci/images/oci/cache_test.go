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
	builds := 0
	write := func(inputs string, env func(string) string) string {
		t.Helper()
		err := Layout{Name: "hello", Inputs: []byte(inputs), Build: func() (v1.ImageIndex, error) {
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
	if err := os.Chtimes(kept(), old, old); err != nil {
		t.Fatal(err)
	}
	if again := write("a", env); again != first || builds != 1 {
		t.Errorf("with the same inputs: %d builds, %s, want that of before, %s", builds, again, first)
	}
	if info, err := os.Stat(kept()); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("scripts/machine.sh would remove what was used just now (%v)", err)
	}
	blobs, err := filepath.Glob(filepath.Join(kept(), "blobs", "sha256", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("no contents (%v)", err)
	}
	for name, broken := range map[string]func() error{
		"other contents": func() error { return os.WriteFile(blobs[0], []byte("other"), 0o644) },
		"no contents":    func() error { return os.RemoveAll(filepath.Dir(blobs[0])) },
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
