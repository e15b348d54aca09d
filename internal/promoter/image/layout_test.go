package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

func TestADamagedLayoutIsRejected(t *testing.T) {
	t.Parallel()
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		blob   v1.Hash
		damage func(path string) error
		fails  bool
	}{
		"nothing is damaged":       {layer, func(string) error { return nil }, false},
		"a layer is cut":           {layer, func(path string) error { return os.Truncate(path, 500) }, true},
		"a layer has one byte new": {layer, func(path string) error { return changeByte(path, 700) }, true},
		"a layer is missing":       {layer, os.Remove, true},
		"another configuration":    {config, func(path string) error { return changeByte(path, 20) }, true},
		"another manifest":         {manifest, func(path string) error { return changeByte(path, 20) }, true},
	} {
		dir := t.TempDir()
		if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(filepath.Join(dir, "blobs", "sha256", c.blob.Hex)); err != nil {
			t.Fatal(err)
		}
		if _, err := FromLayout(dir, nil); (err != nil) != c.fails || err != nil && !errors.Is(err, ErrSpec) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Its layer has a digest, but not that of its unpacked content in the configuration.
func TestAKnownLayoutIsNotUnpacked(t *testing.T) {
	t.Parallel()
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[0].Hex = strings.Repeat("0", 64)
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	idx := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})
	if _, err := layout.Write(dir, idx); err != nil {
		t.Fatal(err)
	}
	want, err := idx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		known func(v1.Hash) bool
		fails bool
	}{
		"nothing is known":  {nil, true},
		"another is known":  {func(digest v1.Hash) bool { return digest != want }, true},
		"this one is known": {func(digest v1.Hash) bool { return digest == want }, false},
	} {
		if _, err := FromLayout(dir, c.known); (err != nil) != c.fails || err != nil && !errors.Is(err, ErrSpec) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	known := func(v1.Hash) bool { return true }
	manifest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "blobs", "sha256", manifest.Hex)
	if err := changeByte(path, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := FromLayout(dir, known); !errors.Is(err, ErrSpec) {
		t.Errorf("a known layout that is damaged: got %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := FromLayout(dir, known); !errors.Is(err, ErrSpec) {
		t.Errorf("a known layout that is not whole: got %v", err)
	}
}

func changeByte(path string, at int) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[at]++
	return os.WriteFile(path, content, 0o600)
}
