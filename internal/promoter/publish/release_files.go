package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// ErrFileConflict: a version is published with other files.
var ErrFileConflict = failure.New(failure.Rejected, "the version is published with another content of this file")

// listed are the other files of a package for its entry in the index.
func listed(files []image.File) []index.File {
	var list []index.File
	for _, f := range files {
		list = append(list, index.File{Name: f.Name, Digest: f.Digest, Krew: krewPlugin(f)})
	}
	return list
}

// maxManifest is the size in bytes up to which a file can be a manifest for krew.
const maxManifest = 1 << 20

// krewPlugin is the name of the plugin of kubectl whose manifest for krew a file is, or "".
func krewPlugin(f image.File) string {
	var m struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
	}
	if path.Ext(f.Name) != ".yaml" || len(f.Content) > maxManifest || yaml.Unmarshal(f.Content, &m) != nil ||
		!strings.HasPrefix(m.APIVersion, "krew.googlecontainertools.github.com/") || m.Kind != "Plugin" {
		return ""
	}
	return m.Metadata.Name
}

// publishFiles writes the other files of a package into a directory beside it, before the index names the package. What exists stays.
func (f folder) publishFiles(item Item) (changed bool, err error) {
	if len(item.Files) == 0 {
		return false, nil
	}
	dir := index.FilesDir(item.Package.Name, item.Package.Version)
	if dir != filepath.Base(dir) {
		return false, fmt.Errorf("%q is not the name of a chart and a version: %w", dir, ErrConfig)
	}
	place := filepath.Join(f.dir, dir)
	// A link that was pushed would lead out of the repository.
	if info, err := os.Lstat(place); err == nil && !info.IsDir() {
		return false, fmt.Errorf("%s is a link or a file instead of a directory; remove it there: %w", dir, ErrUnusable)
	}
	inside := folder{dir: place, write: f.write}
	var files []file
	for _, x := range item.Files {
		old, err := inside.read(x.Name)
		if err != nil {
			return false, err
		}
		if old != nil && chart.Digest(old) != x.Digest {
			return false, fmt.Errorf("%s/%s: %w", dir, x.Name, ErrFileConflict)
		}
		files = append(files, one(x.Name, x.Content))
	}
	if f.write == nil {
		if err := os.MkdirAll(place, 0o755); err != nil {
			return false, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
	}
	return inside.writeAll(files)
}

// filesTag is the tag of the artifact with the other files of a package. It is derived from the package, as those of attestations are.
func filesTag(digest string) string { return attestationPrefix(digest) + "files" }

// putFiles writes the other files of a package as an artifact. Error: ErrFileConflict.
func (t *ociTarget) putFiles(ctx context.Context, repo name.Repository, item Item) (changed bool, err error) {
	if len(item.Files) == 0 {
		return false, nil
	}
	manifest, err := image.FilesManifest(item.Files, "")
	if err != nil {
		return false, err
	}
	ref := repo.Tag(filesTag(item.Package.Digest))
	head, err := remote.Head(ref, t.remote(ctx)...)
	switch err = classify(err); {
	case err == nil && head.Digest.Hex == chart.Digest(manifest):
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%s: %w", ref, ErrFileConflict)
	case !errors.Is(err, errNotFound):
		return false, err
	}
	if item.DryRun {
		return true, nil
	}
	return true, classifyWrite(repo, image.PutFiles(ref, manifest, item.Files, t.remote(ctx)...))
}
