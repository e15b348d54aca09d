package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Pulled is the content of an archive.
type Pulled struct {
	// Tagged is the image's name with a tag ("by-digest" where ref has none), ByDigest that with the digest; a pod may use
	// either.
	Tagged, ByDigest string
	Digest           string
}

// Archive downloads an image and writes it to w as an OCI archive in which it keeps its digest: an index stays the same
// index, with the contents of one platform only ("linux/amd64"). The archive names the image by its digest.
// Errors: ErrNoImage, ErrRegistry, ErrRegistryAuth, ErrSpec.
func (a Access) Archive(ctx context.Context, ref, platform string, w io.Writer) (Pulled, error) {
	r, err := a.Parse(ref)
	if err != nil {
		return Pulled{}, err
	}
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return Pulled{}, fmt.Errorf("%w: platform %q: %w", ErrSpec, platform, err)
	}
	desc, err := remote.Get(r, append(a.options(ctx), remote.WithPlatform(*p))...)
	if err != nil {
		return Pulled{}, classify(ref, err)
	}
	img, err := desc.Image()
	if err != nil {
		return Pulled{}, classify(ref, err)
	}
	out, to := names(r, desc.Digest.String(), ref), &output{Writer: w}
	tw := tar.NewWriter(to)
	err = writeLayout(tw, desc, img, out.ByDigest)
	if err == nil {
		err = tw.Close()
	}
	switch {
	case to.err != nil:
		return Pulled{}, fmt.Errorf("pack %s: %w", ref, to.err)
	case err != nil:
		return Pulled{}, classify(ref, err)
	}
	return out, nil
}

// output keeps its own error: any other one of an archive is the registry's.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

func names(r name.Reference, digest, ref string) Pulled {
	tag := "by-digest"
	if t, ok := r.(name.Tag); ok {
		tag = t.TagStr()
	} else if t, err := name.NewTag(beforeAt(ref)); err == nil && t.Context().Name() == r.Context().Name() && hasTag(ref) {
		tag = t.TagStr()
	}
	repo := containerdName(r.Context())
	return Pulled{Tagged: repo + ":" + tag, ByDigest: repo + "@" + digest, Digest: digest}
}

// containerdName is the repository as the container runtime writes it, with docker.io for Docker Hub.
func containerdName(r name.Repository) string {
	if r.RegistryStr() == name.DefaultRegistry {
		return "docker.io/" + r.RepositoryStr()
	}
	return r.Name()
}

// ContainerdName is a repository's name as the container runtime reports it, whichever of its names is given.
func ContainerdName(repository string) string {
	r, err := name.NewRepository(repository)
	if err != nil {
		return repository
	}
	return containerdName(r)
}

func writeLayout(tw *tar.Writer, desc *remote.Descriptor, img v1.Image, name string) error {
	top := v1.Descriptor{MediaType: desc.MediaType, Size: desc.Size, Digest: desc.Digest, Annotations: map[string]string{"io.containerd.image.name": name}}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{top}})
	if err != nil {
		return err
	}
	seen := map[v1.Hash]bool{}
	blob := func(h v1.Hash, content []byte) error {
		if seen[h] {
			return nil
		}
		seen[h] = true
		return writeEntry(tw, "blobs/"+h.Algorithm+"/"+h.Hex, content)
	}
	if err := errors.Join(writeEntry(tw, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)), writeEntry(tw, "index.json", index), blob(desc.Digest, desc.Manifest)); err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return err
	}
	if err := errors.Join(blob(digest, manifest), blob(configName, config)); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return err
		}
		if seen[h] {
			continue
		}
		seen[h] = true
		if err := writeLayer(tw, l, "blobs/"+h.Algorithm+"/"+h.Hex); err != nil {
			return err
		}
	}
	return nil
}

func writeLayer(tw *tar.Writer, l v1.Layer, path string) error {
	size, err := l.Size()
	if err != nil {
		return err
	}
	content, err := l.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	if err := tw.WriteHeader(&tar.Header{Name: path, Mode: 0o444, Size: size}); err != nil {
		return err
	}
	_, err = io.Copy(tw, content)
	return err
}

func writeEntry(tw *tar.Writer, path string, content []byte) error {
	if err := tw.WriteHeader(&tar.Header{Name: path, Mode: 0o444, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := tw.Write(content)
	return err
}

// ArchiveFile writes an archive into a temporary file and seeks to its start. The caller closes and removes it.
func (a Access) ArchiveFile(ctx context.Context, ref, platform string) (*os.File, Pulled, error) {
	f, err := os.CreateTemp("", "image-*.tar")
	if err != nil {
		return nil, Pulled{}, fmt.Errorf("create a file for the image: %w", err)
	}
	pulled, err := a.Archive(ctx, ref, platform, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, Pulled{}, err
	}
	return f, pulled, nil
}
