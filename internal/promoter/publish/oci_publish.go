package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// state is how much of a package a registry has.
type state int

const (
	missing    state = iota
	incomplete       // a tag whose layer is gone: nobody can pull the package; the clean-up of a registry leaves such tags
	complete
)

func (t *ociTarget) Publish(ctx context.Context, item Item) (Result, error) {
	p := item.Package
	if err := item.check(); err != nil {
		return Result{}, err
	}
	repo, err := t.repository(p.Name)
	if err != nil {
		return Result{}, err
	}
	result := Result{Location: fmt.Sprintf("%s://%s:%s", ociScheme, repo, tag(p.Version))}
	published, err := t.state(ctx, repo, p)
	if err != nil {
		return result, err
	}
	if item.DryRun {
		result.Changed, err = t.lacks(ctx, repo, item, published == complete)
		if more, ferr := t.putFiles(ctx, repo, item); err == nil {
			result.Changed, err = result.Changed || more, ferr
		}
		return result, err
	}
	filesChanged, err := t.putFiles(ctx, repo, item)
	if err != nil {
		return result, err
	}
	// Attestations come first, since they do no harm without the package.
	result.Changed, err = t.putAttestations(ctx, repo, item)
	result.Changed = result.Changed || filesChanged
	if err != nil || published == complete {
		return result, err
	}
	result.Changed = true
	if published == incomplete { // its manifest stays, and with it the digest that users pull it by
		return result, classifyWrite(repo, remote.WriteLayer(repo, static.NewLayer(p.Bytes, chartMediaType), t.remote(ctx)...))
	}
	if err := t.putChart(ctx, repo, item); err != nil {
		return result, err
	}
	// Another publisher may have written the same tag at the same time.
	digest, _, err := t.Lookup(ctx, p.Name, p.Version)
	if err == nil && digest != p.Digest {
		err = &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: digest, Offered: p.Digest}
	}
	return result, err
}

// state compares a package with the registry. Error: *index.DigestConflictError if the version has another content.
func (t *ociTarget) state(ctx context.Context, repo name.Repository, p *chart.Package) (state, error) {
	digest, found, err := t.Lookup(ctx, p.Name, p.Version)
	if err != nil || !found {
		return missing, err
	}
	if digest != p.Digest {
		return missing, &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: digest, Offered: p.Digest}
	}
	whole, err := t.holds(ctx, repo, p)
	if err != nil || !whole {
		return incomplete, err
	}
	return complete, nil
}

// holds reports whether the registry still has the bytes of a package that a tag names.
func (t *ociTarget) holds(ctx context.Context, repo name.Repository, p *chart.Package) (bool, error) {
	l, err := remote.Layer(repo.Digest("sha256:"+p.Digest), t.remote(ctx)...)
	if err != nil {
		return false, classify(err)
	}
	there, err := partial.Exists(l)
	return there, classify(err)
}

// lacks reports whether the registry lacks the package or one of its attestations.
func (t *ociTarget) lacks(ctx context.Context, repo name.Repository, item Item, hasPackage bool) (bool, error) {
	lacks := !hasPackage
	for _, r := range item.Attestations {
		_, _, there, err := t.findAttestation(ctx, repo, item.Package.Digest, r)
		if err != nil {
			return false, err
		}
		lacks = lacks || !there
	}
	return lacks, nil
}

func (t *ociTarget) putChart(ctx context.Context, repo name.Repository, item Item) error {
	p := item.Package
	layers := []v1.Layer{static.NewLayer(p.Bytes, chartMediaType)}
	if item.Provenance != nil {
		layers = append(layers, static.NewLayer(item.Provenance, provenanceMediaType))
	}
	config, err := json.Marshal(p.Metadata)
	if err != nil {
		return fmt.Errorf("encode the chart's metadata: %w", err)
	}
	annotations := map[string]string{
		createdAnnotation:                  item.created().Format(time.RFC3339),
		"org.opencontainers.image.title":   p.Name,
		"org.opencontainers.image.version": p.Version,
	}
	if p.Metadata.Description != "" {
		annotations["org.opencontainers.image.description"] = p.Metadata.Description
	}
	return t.put(ctx, repo.Tag(tag(p.Version)), static.NewLayer(config, configMediaType), layers, annotations)
}

// put writes an artifact: first the blobs, then the manifest that names them.
func (t *ociTarget) put(ctx context.Context, ref name.Tag, config v1.Layer, layers []v1.Layer, annotations map[string]string) error {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: annotations}
	for i, l := range append([]v1.Layer{config}, layers...) {
		if err := remote.WriteLayer(ref.Context(), l, t.remote(ctx)...); err != nil {
			return classifyWrite(ref.Context(), err)
		}
		digest, _ := l.Digest() // a static layer has no errors
		size, _ := l.Size()
		kind, _ := l.MediaType()
		d := v1.Descriptor{MediaType: kind, Size: size, Digest: digest}
		if i == 0 {
			m.Config = d
		} else {
			m.Layers = append(m.Layers, d)
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a manifest: %w", err)
	}
	return classifyWrite(ref.Context(), remote.Put(ref, rawManifest(raw), t.remote(ctx)...))
}

type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (t *ociTarget) AddAttestation(ctx context.Context, chartName, version string, envelope []byte) (Result, error) {
	digest, repo, err := t.present(ctx, chartName, version)
	if err != nil {
		return Result{}, err
	}
	added, err := t.putAttestation(ctx, repo, digest, envelope)
	return Result{Changed: added, Location: "oci://" + repo.Tag(tag(version)).String()}, err
}

// Yank deletes the tag. Some registries forbid that and return an error.
func (t *ociTarget) Yank(ctx context.Context, chartName, version string) (Result, error) {
	_, repo, err := t.present(ctx, chartName, version)
	if err != nil {
		return Result{}, err
	}
	ref := repo.Tag(tag(version))
	err = classify(remote.Delete(ref, t.remote(ctx)...))
	return Result{Changed: err == nil, Location: "oci://" + ref.String()}, err
}

func (t *ociTarget) present(ctx context.Context, chartName, version string) (digest string, repo name.Repository, err error) {
	digest, found, err := t.Lookup(ctx, chartName, version)
	if err == nil && !found {
		err = fmt.Errorf("%s %s: %w", chartName, version, ErrNone)
	}
	if err != nil {
		return "", repo, err
	}
	repo, err = t.repository(chartName)
	return digest, repo, err
}
