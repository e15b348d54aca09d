package oci

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// home is a cache with at most one layout, of an image that is its inputs.
type home struct {
	*testing.T
	dir, out string
	// part is what a build would use.
	part   string
	builds int
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{T: t, dir: t.TempDir(), out: filepath.Join(t.TempDir(), "layout"), part: filepath.Join(t.TempDir(), "part")}
	if err := os.WriteFile(h.part, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) env(name string) string { return map[string]string{"HOME": h.dir}[name] }

// write returns the index of the layout.
func (h *home) write(inputs string, env func(string) string) string {
	h.Helper()
	err := Layout{Name: "hello", Inputs: []byte(inputs), Keeps: []string{h.part}, Build: func() (v1.ImageIndex, error) {
		h.builds++
		return Index([]string{"linux/amd64"}, Image{Files: map[string]Entry{"hello": {Content: []byte(inputs)}}, When: time.Unix(0, 0), CreatedBy: "test"}.For)
	}}.Write(env, h.out)
	if err != nil {
		h.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(h.out, "index.json"))
	if err != nil {
		h.Fatal(err)
	}
	return string(index)
}

// kept is the path of an entry of the layout in the cache, such as index.json.
func (h *home) kept(entry ...string) string {
	h.Helper()
	found, err := filepath.Glob(filepath.Join(h.dir, ".cache", "bitcoin-controller", "layouts", "*"))
	if err != nil || len(found) != 1 {
		h.Fatalf("kept: %v (%v)", found, err)
	}
	return filepath.Join(append(found, entry...)...)
}

func TestALayoutIsBuiltOnceForEachStateOfItsInputs(t *testing.T) {
	h := newHome(t)
	first := h.write("a", h.env)
	old := time.Now().Add(-40 * 24 * time.Hour)
	for _, path := range []string{h.kept(), h.part} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if again := h.write("a", h.env); again != first || h.builds != 1 {
		t.Errorf("with the same inputs: %d builds, %s, want that of before, %s", h.builds, again, first)
	}
	for _, path := range []string{h.kept(), h.part} {
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) > time.Hour {
			t.Errorf("scripts/machine.sh would remove %s, which was used just now (%v)", path, err)
		}
	}
	if other := h.write("b", h.env); other == first || h.builds != 2 {
		t.Errorf("with other inputs: %d builds, %s", h.builds, other)
	}
	h.write("b", func(string) string { return "" })
	if h.builds != 3 {
		t.Error("without a home something was in a cache")
	}
}

func TestALayoutThatIsDamagedInTheCacheIsBuiltAgain(t *testing.T) {
	h := newHome(t)
	first := h.write("a", h.env)
	blobs, err := filepath.Glob(h.kept("blobs", "sha256", "*"))
	if err != nil || len(blobs) < 4 {
		t.Fatalf("contents: %v (%v)", blobs, err)
	}
	for name, damage := range map[string]func() error{
		"other contents": func() error { return os.WriteFile(blobs[0], []byte("other"), 0o600) },
		"no contents":    func() error { return os.RemoveAll(filepath.Dir(blobs[0])) },
		"no index":       func() error { return os.Remove(h.kept("index.json")) },
		"an empty index": func() error { return os.Truncate(h.kept("index.json"), 0) },
		"one missing":    func() error { return os.Remove(blobs[1]) },
		"another one":    func() error { return os.Remove(blobs[len(blobs)-1]) },
	} {
		before := h.builds
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if again := h.write("a", h.env); again != first || h.builds != before+1 {
			t.Errorf("%s: %d builds, %s, want one more and %s", name, h.builds-before, again, first)
		}
		if again := h.write("a", h.env); again != first || h.builds != before+1 {
			t.Errorf("%s: it was not built into the cache", name)
		}
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
