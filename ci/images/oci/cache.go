package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/christianb93/bitcoin-controller/internal/ocilayout"
)

// Layout is an OCI image layout that is built once for each state of its inputs and of the program that builds it.
type Layout struct {
	// Name of the image.
	Name string
	// Inputs are what the image depends on, beside the running program and what is built into it.
	Inputs []byte
	// Keeps are files and directories of the cache that Build would use: they count as used when the layout is.
	Keeps []string
	Build func() (v1.ImageIndex, error)
}

// Write writes the layout into a directory, which it replaces: from the cache below CacheDir where that has it, else built. What
// the cache lacks, or has with other contents than by their names, is built and kept there; a cache that cannot be written is none.
func (l Layout) Write(env func(string) string, dir string) error {
	kept := l.place(env)
	if kept != "" {
		now := time.Now()
		for _, used := range append([]string{kept}, l.Keeps...) {
			_ = os.Chtimes(used, now, now) // scripts/machine.sh removes what was not used for long
		}
		if copyLayout(dir, kept) == nil {
			return nil
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	idx, err := l.Build()
	if err != nil {
		return err
	}
	if err := WriteLayout(dir, idx); err != nil || kept == "" {
		return err
	}
	keep(dir, kept)
	return nil
}

// place in the cache, "" for none.
func (l Layout) place(env func(string) string) string {
	base := CacheDir(env, "layouts")
	if base == "" {
		return ""
	}
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	h.Write(l.Inputs)
	return filepath.Join(base, l.Name+"-"+hex.EncodeToString(h.Sum(nil))[:12])
}

// keep puts a copy into the cache, complete or not at all.
func keep(dir, kept string) {
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return
	}
	part, err := os.MkdirTemp(filepath.Dir(kept), "part-")
	if err != nil {
		return
	}
	defer os.RemoveAll(part) //nolint:errcheck // it has been renamed, or machine.sh removes it
	if copyLayout(filepath.Join(part, "layout"), dir) == nil {
		_ = os.RemoveAll(kept) // one with other contents; another run may have done the same
		_ = os.Rename(filepath.Join(part, "layout"), kept)
	}
}

// copyLayout copies a layout that is complete, and whose contents are what they are named after.
func copyLayout(to, from string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	if err := ocilayout.Compare(to); err != nil {
		return err
	}
	idx, err := layout.ImageIndexFromPath(to)
	if err != nil {
		return err
	}
	return validate.Index(idx, validate.Fast)
}
