package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Entry is a file or a directory of an image.
type Entry struct {
	Content []byte
	// Program makes the file executable.
	Program bool
	Dir     bool
	// Mode and Owner are those of a directory.
	Mode  int64
	Owner int
}

func (e Entry) header(name string, when time.Time) *tar.Header {
	h := &tar.Header{Name: name, ModTime: when.UTC().Truncate(time.Second), Format: tar.FormatPAX, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(e.Content))}
	switch {
	case e.Dir:
		h.Name, h.Typeflag, h.Mode, h.Size, h.Uid, h.Gid = name+"/", tar.TypeDir, e.Mode, 0, e.Owner, e.Owner
	case e.Program:
		h.Mode = 0o755
	}
	return h
}

// layerOf returns a layer whose bytes depend on its arguments, and on the release of Go, which compresses it.
func layerOf(files map[string]Entry, when time.Time) (v1.Layer, error) {
	all := maps.Clone(files)
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = Entry{Dir: true, Mode: 0o755}
			}
		}
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := tw.WriteHeader(all[name].header(name, when)); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := tw.Write(all[name].Content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
}
