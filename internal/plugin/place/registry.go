package place

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// The media types of a snapshot in a registry.
const (
	ArtifactType = "application/vnd.bitcoin-controller.snapshot.v1"
	layerType    = ArtifactType + ".tar+gzip"
	maxManifest  = 1 << 20
)

// image is a reference to a registry.
type image struct {
	registry.Reference
	// digest that the manifest must have.
	digest string
}

func parseReference(text string) (Place, error) {
	// The library takes a tag before a digest for a part of it.
	name, digest, _ := strings.Cut(text, "@")
	reference, err := registry.ParseReference(name)
	if err == nil && digest != "" {
		pinned := reference
		pinned.Reference = digest
		err = pinned.ValidateReferenceAsDigest()
	}
	if err != nil {
		return nil, invalid.Errorf("%q names no snapshot in a registry: write oci://HOST/REPOSITORY:TAG (%s)", Scheme+text, err.Error())
	}
	if reference.Reference == "" && digest == "" {
		return nil, invalid.Errorf("%q has no tag: write oci://HOST/REPOSITORY:TAG", Scheme+text)
	}
	return &image{reference, digest}, nil
}

// Digest implements Place.
func (i *image) Digest() string { return i.digest }

// repository has the credentials of Docker's configuration.
func (i *image) repository() (*remote.Repository, error) {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("the configuration of Docker cannot be read: %w", err)
	}
	return &remote.Repository{
		Reference: i.Reference, PlainHTTP: isLoopback(i.Host()),
		Client: &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: credentials.Credential(store)},
	}, nil
}

// isLoopback is for registries that tests start: Docker reaches those without TLS too.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Load implements Place. The library compares size and digest of all that it reads.
func (i *image) Load(ctx context.Context, most int64) ([]byte, error) {
	data, err := i.load(ctx, most)
	switch {
	case err == nil || ctx.Err() != nil:
		return data, err
	case errors.Is(err, errdef.ErrNotFound):
		return nil, fmt.Errorf("%s does not exist: check its name and tag", i)
	}
	return nil, fmt.Errorf("%s cannot be read: %w", i, err)
}

func (i *image) load(ctx context.Context, most int64) ([]byte, error) {
	repository, err := i.repository()
	if err != nil {
		return nil, err
	}
	reference := i.Reference.Reference
	if i.digest != "" {
		reference = i.digest
	}
	options := oras.DefaultFetchBytesOptions
	options.MaxBytes = maxManifest
	descriptor, _, err := oras.FetchBytes(ctx, repository, reference, options)
	if err != nil {
		return nil, err
	}
	layers, err := content.Successors(ctx, repository, descriptor)
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if layer.MediaType != layerType {
			continue
		}
		if layer.Size > most {
			return nil, fmt.Errorf("it has %d bytes, and a snapshot at most %d", layer.Size, most)
		}
		return content.FetchAll(ctx, repository, layer)
	}
	return nil, errors.New("it is no snapshot, but something else")
}

// Store implements Place.
func (i *image) Store(ctx context.Context, data []byte) (string, error) {
	repository, err := i.repository()
	if err != nil {
		return "", err
	}
	layer, err := oras.PushBytes(ctx, repository, layerType, data)
	if errors.Is(err, errdef.ErrAlreadyExists) {
		layer, err = content.NewDescriptorFromBytes(layerType, data), nil
	}
	var descriptor ocispec.Descriptor
	if err == nil {
		descriptor, err = oras.PackManifest(ctx, repository, oras.PackManifestVersion1_1, ArtifactType, oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	}
	if err == nil {
		err = repository.Tag(ctx, descriptor, i.Reference.Reference)
	}
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w", i, err)
	}
	return fmt.Sprintf("%s%s/%s@%s", Scheme, i.Registry, i.Repository, descriptor.Digest), nil
}

// String is the reference as it was written.
func (i *image) String() string {
	text := Scheme + i.Reference.String()
	if i.digest != "" {
		text += "@" + i.digest
	}
	return text
}
