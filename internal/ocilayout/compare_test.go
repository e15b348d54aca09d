package ocilayout

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// empty is the SHA-256 of nothing.
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestContentsAreComparedWithTheirNames(t *testing.T) {
	for name, c := range map[string]struct {
		contents map[string]string
		want     error
	}{
		"as named":        {map[string]string{empty: ""}, nil},
		"another content": {map[string]string{empty: "x"}, ErrContent},
		"no digest":       {map[string]string{empty: "", "x": ""}, ErrContent},
		"no contents":     {nil, os.ErrNotExist},
	} {
		// A name with characters of a pattern.
		dir := filepath.Join(t.TempDir(), "a[b]")
		for file, content := range c.contents {
			path := filepath.Join(dir, "blobs", "sha256", file)
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := Compare(dir); !errors.Is(err, c.want) || err != nil && c.want == nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}
