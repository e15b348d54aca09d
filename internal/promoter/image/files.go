package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is a file of an artifact. Its name is a plain name, without a directory.
type File struct {
	Name string `json:"name"`
	// Digest is the SHA-256 of the content, 64 hex digits.
	Digest string `json:"digest"`
	// Size is in bytes.
	Size    int64  `json:"size"`
	Content []byte `json:"-"`
}

const (
	// FilesType is the type of an artifact with files.
	FilesType = "application/vnd.chart-promoter.files.v1+json"
	fileType  = "application/octet-stream"
	// EmptyType is the type of the configuration {}, which has no meaning.
	EmptyType = "application/vnd.oci.empty.v1+json"

	titleAnnotation    = "org.opencontainers.image.title"
	revisionAnnotation = "org.opencontainers.image.revision"
)

// FilesManifest is the manifest of an artifact with these files. Its bytes depend on nothing else. Its layers are named as `oras pull`
// names files.
func FilesManifest(files []File, revision string) ([]byte, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	config := static.NewLayer([]byte("{}"), EmptyType)
	digest, err := config.Digest()
	if err != nil {
		return nil, err
	}
	m := struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     types.MediaType   `json:"mediaType"`
		ArtifactType  string            `json:"artifactType"`
		Config        v1.Descriptor     `json:"config"`
		Layers        []v1.Descriptor   `json:"layers"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: FilesType, Config: v1.Descriptor{MediaType: EmptyType, Size: 2, Digest: digest}}
	for _, f := range files {
		m.Layers = append(m.Layers, v1.Descriptor{
			MediaType: fileType, Size: f.Size, Digest: v1.Hash{Algorithm: "sha256", Hex: f.Digest}, Annotations: map[string]string{titleAnnotation: f.Name},
		})
	}
	if revision != "" {
		m.Annotations = map[string]string{revisionAnnotation: revision}
	}
	return json.Marshal(m)
}

// PushFiles uploads an artifact with files under a tag and returns its digest. Errors: ErrRegistry, ErrRegistryAuth.
func (a Access) PushFiles(ctx context.Context, ref string, files []File, revision string) (digest string, err error) {
	r, err := a.Parse(ref)
	if err != nil {
		return "", err
	}
	manifest, err := FilesManifest(files, revision)
	if err != nil {
		return "", err
	}
	if err := PutFiles(r, manifest, files, a.options(ctx)...); err != nil {
		return "", classifyWrite(r, err)
	}
	return a.Digest(ctx, ref)
}

// PutFiles writes an artifact: first the files, then the manifest that names them.
func PutFiles(ref name.Reference, manifest []byte, files []File, opts ...remote.Option) error {
	layers := []v1.Layer{static.NewLayer([]byte("{}"), EmptyType)}
	for _, f := range files {
		layers = append(layers, static.NewLayer(f.Content, fileType))
	}
	for _, l := range layers {
		if err := remote.WriteLayer(ref.Context(), l, opts...); err != nil {
			return err
		}
	}
	return remote.Put(ref, filesManifest(manifest), opts...)
}

type filesManifest []byte

func (m filesManifest) RawManifest() ([]byte, error) { return m, nil }

func (m filesManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// Files lists the files of an artifact, with the revision that it was built from. Errors: ErrNoImage, ErrRegistry, ErrRegistryAuth.
func (a Access) Files(ctx context.Context, ref string) (files []File, revision string, err error) {
	r, err := a.Parse(ref)
	if err != nil {
		return nil, "", err
	}
	d, err := remote.Get(r, a.options(ctx)...)
	if err != nil {
		return nil, "", classify(ref, err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil || m.Config.MediaType != EmptyType {
		return nil, "", fmt.Errorf("%s: %w: it is not an artifact with files", ref, ErrRegistry)
	}
	for _, l := range m.Layers {
		files = append(files, File{Name: l.Annotations[titleAnnotation], Digest: l.Digest.Hex, Size: l.Size})
	}
	return files, m.Annotations[revisionAnnotation], nil
}

// ReadFile reads the content of a file from the repository of a reference. Errors: ErrNoImage, ErrRegistry, ErrRegistryAuth.
func (a Access) ReadFile(ctx context.Context, ref string, f File) ([]byte, error) {
	r, err := a.Parse(ref)
	if err != nil {
		return nil, err
	}
	l, err := remote.Layer(r.Context().Digest("sha256:"+f.Digest), a.options(ctx)...)
	if err != nil {
		return nil, classify(ref, err)
	}
	content, err := l.Compressed()
	if err != nil {
		return nil, classify(ref, err)
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, f.Size+1))
	switch {
	case err != nil:
		return nil, classify(ref, err)
	case int64(len(data)) != f.Size:
		return nil, classify(ref, errors.New("the file "+f.Name+" has another size in the registry"))
	}
	return data, nil
}
