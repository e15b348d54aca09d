package publish

import (
	"bytes"
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
	item.Created = item.created() // the same in each use
	repo, err := t.repository(p.Name)
	if err != nil {
		return Result{}, err
	}
	result := Result{Location: fmt.Sprintf("%s://%s:%s", ociScheme, repo, tag(p.Version))}
	published, subject, err := t.state(ctx, repo, p)
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
	content, err := chartContent(item)
	if err != nil {
		return result, err
	}
	if published == missing {
		subject = content.descriptor
	}
	// Attestations come first, since they do no harm without the package.
	result.Changed, err = t.putAttestations(ctx, repo, p.Digest, subject, item.Attestations)
	result.Changed = result.Changed || filesChanged
	if err != nil {
		return result, err
	}
	switch published {
	case incomplete: // its manifest stays, and with it the digest that users pull it by
		err = classifyWrite(repo, remote.WriteLayer(repo, static.NewLayer(p.Bytes, chartMediaType), t.remote(ctx)...))
	case missing:
		err = t.put(ctx, repo.Tag(tag(p.Version)), content)
	}
	if err != nil {
		return result, err
	}
	linked, err := t.settle(ctx, repo, item)
	result.Changed = result.Changed || linked || published != complete
	return result, err
}

// settle checks what the tag names in the end, as another publisher may have written it at the same time, and links its attestations.
func (t *ociTarget) settle(ctx context.Context, repo name.Repository, item Item) (changed bool, err error) {
	p := item.Package
	digest, subject, found, err := t.find(ctx, repo, p.Version)
	switch {
	case err != nil:
		return false, err
	case !found:
		return false, fmt.Errorf("%s %s was removed while it was published; run this again: %w", p.Name, p.Version, ErrUnusable)
	case digest != p.Digest:
		return false, &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: digest, Offered: p.Digest}
	}
	var signed [][]byte
	if item.Sign != nil {
		if signed, err = item.Sign(subject.Digest.Hex); err != nil {
			return false, err
		}
	}
	return t.link(ctx, repo, digest, subject, signed)
}

// state compares a package with the registry. subject is the manifest of the version. Error: *index.DigestConflictError if the version
// has another content.
func (t *ociTarget) state(ctx context.Context, repo name.Repository, p *chart.Package) (state, v1.Descriptor, error) {
	digest, subject, found, err := t.find(ctx, repo, p.Version)
	if err != nil || !found {
		return missing, subject, err
	}
	if digest != p.Digest {
		return missing, subject, &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: digest, Offered: p.Digest}
	}
	whole, err := t.holds(ctx, repo, p)
	if err != nil || !whole {
		return incomplete, subject, err
	}
	return complete, subject, nil
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

// artifact is a manifest and the blobs that it names.
type artifact struct {
	blobs      []v1.Layer
	manifest   rawManifest
	descriptor v1.Descriptor
}

func chartContent(item Item) (artifact, error) {
	p := item.Package
	config, err := json.Marshal(p.Metadata)
	if err != nil {
		return artifact{}, fmt.Errorf("encode the chart's metadata: %w", err)
	}
	a := artifact{blobs: []v1.Layer{static.NewLayer(config, configMediaType), static.NewLayer(p.Bytes, chartMediaType)}}
	if item.Provenance != nil {
		a.blobs = append(a.blobs, static.NewLayer(item.Provenance, provenanceMediaType))
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: descriptor(a.blobs[0]), Annotations: map[string]string{
		createdAnnotation:                  item.created().Format(time.RFC3339),
		titleAnnotation:                    p.Name,
		"org.opencontainers.image.version": p.Version,
	}}
	for _, l := range a.blobs[1:] {
		m.Layers = append(m.Layers, descriptor(l))
	}
	if p.Metadata.Description != "" {
		m.Annotations["org.opencontainers.image.description"] = p.Metadata.Description
	}
	if a.manifest, err = json.Marshal(m); err != nil {
		return a, fmt.Errorf("encode a manifest: %w", err)
	}
	a.descriptor.MediaType = m.MediaType
	a.descriptor.Digest, a.descriptor.Size, err = v1.SHA256(bytes.NewReader(a.manifest))
	return a, err
}

// put writes an artifact: first the blobs, then the manifest that names them.
func (t *ociTarget) put(ctx context.Context, ref name.Tag, a artifact) error {
	for _, l := range a.blobs {
		if err := remote.WriteLayer(ref.Context(), l, t.remote(ctx)...); err != nil {
			return classifyWrite(ref.Context(), err)
		}
	}
	return classifyWrite(ref.Context(), remote.Put(ref, a.manifest, t.remote(ctx)...))
}

type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (t *ociTarget) AddAttestation(ctx context.Context, chartName, version string, envelope []byte) (Result, error) {
	digest, repo, subject, err := t.present(ctx, chartName, version)
	if err != nil {
		return Result{}, err
	}
	r := Result{Location: "oci://" + repo.Tag(tag(version)).String()}
	if r.Changed, err = t.putAttestations(ctx, repo, digest, subject, [][]byte{envelope}); err != nil {
		return r, err
	}
	// Another publisher may have written the manifest again meanwhile.
	if digest, repo, subject, err = t.present(ctx, chartName, version); err != nil {
		return r, err
	}
	linked, err := t.link(ctx, repo, digest, subject, nil)
	r.Changed = r.Changed || linked
	return r, err
}

// Yank deletes the tag. Some registries forbid that and return an error.
func (t *ociTarget) Yank(ctx context.Context, chartName, version string) (Result, error) {
	_, repo, _, err := t.present(ctx, chartName, version)
	if err != nil {
		return Result{}, err
	}
	ref := repo.Tag(tag(version))
	err = classify(remote.Delete(ref, t.remote(ctx)...))
	return Result{Changed: err == nil, Location: "oci://" + ref.String()}, err
}

// present is find for a version that must exist. Error: ErrNone.
func (t *ociTarget) present(ctx context.Context, chartName, version string) (digest string, repo name.Repository, subject v1.Descriptor, err error) {
	if repo, err = t.repository(chartName); err != nil {
		return "", repo, subject, err
	}
	digest, subject, found, err := t.find(ctx, repo, version)
	if err == nil && !found {
		err = fmt.Errorf("%s %s: %w", chartName, version, ErrNone)
	}
	return digest, repo, subject, err
}
