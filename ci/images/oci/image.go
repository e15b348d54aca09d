// Package oci builds images whose bytes depend on what is in them only, without a container engine: for the programs beside it.
package oci

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is what an image for one platform has.
type Image struct {
	Files map[string]Entry
	// When is the time of everything in the image.
	When time.Time
	// CreatedBy names the program that builds it.
	CreatedBy string
	Config    v1.Config
}

// For returns the image for a platform, such as linux/amd64. Nothing in it depends on the time or on the commit: pods that run it need
// no restart when the operator's release changes.
func (i Image) For(name string) (v1.Image, error) {
	platform, err := v1.ParsePlatform(name)
	if err != nil {
		return nil, err
	}
	layer, err := layerOf(i.Files, i.When)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: i.When.UTC()}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{CreatedBy: i.CreatedBy, Created: created}}); err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Variant, c.Created, c.Config = platform.OS, platform.Architecture, platform.Variant, created, i.Config
	return mutate.ConfigFile(img, c)
}

// Index is an image for several platforms.
func Index(platforms []string, build func(platform string) (v1.Image, error)) (v1.ImageIndex, error) {
	images := make([]mutate.IndexAddendum, len(platforms))
	for i, name := range platforms {
		img, err := build(name)
		if err != nil {
			return nil, err
		}
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return nil, err
		}
		images[i] = mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}}
	}
	return mutate.IndexMediaType(mutate.AppendManifests(empty.Index, images...), types.OCIImageIndex), nil
}

// Platforms of a list with commas, each once and in order; all for an empty one.
func Platforms(list string, all []string) []string {
	chosen := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	if len(chosen) == 0 {
		chosen = slices.Clone(all)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// WriteLayout writes an image into a directory as an OCI image layout.
func WriteLayout(dir string, idx v1.ImageIndex) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return at.AppendIndex(idx)
}

// WriteArchive writes the image for one platform for `docker load`.
func WriteArchive(file, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("the image's name is not valid: %w", err)
	}
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// WriteFiles writes the files of an image, but for empty directories, into a directory.
func WriteFiles(dir string, files map[string]Entry) error {
	for name, entry := range files {
		if entry.Dir {
			continue
		}
		path, mode := filepath.Join(dir, filepath.FromSlash(name)), os.FileMode(0o644)
		if entry.Program {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, entry.Content, mode); err != nil {
			return err
		}
	}
	return nil
}

// CacheDir is a directory below that of the scripts (scripts/step.sh), which remove what was not used for 30 days; "" without a home.
func CacheDir(env func(string) string, name string) string {
	base := env("XDG_CACHE_HOME")
	if base == "" {
		home := env("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "bitcoin-controller", name)
}

// Users are the files by which programs find the one user of an image, 1000.
func Users(name string) map[string]Entry {
	return map[string]Entry{
		"etc/passwd":        {Content: []byte(name + ":x:1000:1000:" + name + ":/data:/usr/sbin/nologin\n")},
		"etc/group":         {Content: []byte(name + ":x:1000:\n")},
		"etc/nsswitch.conf": {Content: []byte("hosts: files dns\n")},
		"data":              {Dir: true, Mode: 0o755, Owner: 1000},
		"tmp":               {Dir: true, Mode: 0o1777},
	}
}
