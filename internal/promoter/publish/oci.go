package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ociTarget is a path in a registry; chart a's version 1.0.0 is PATH/a:1.0.0,
// in the form of helm push. A registry cannot reject a second write of a tag: two
// publishers that publish different contents as one new version at the same time both
// find it free. The one that finds the other content afterwards reports a conflict;
// enable immutable tags where the registry supports them.
type ociTarget struct {
	base string
	opts options
}

// The form of a chart in a registry is defined by Helm's pkg/registry; a test compares these constants with it.
const (
	ociScheme           = "oci"
	configMediaType     = "application/vnd.cncf.helm.config.v1+json"
	chartMediaType      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	provenanceMediaType = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

const (
	createdAnnotation    = "org.opencontainers.image.created"
	attestationMediaType = "application/vnd.dsse.envelope.v1+json"
)

func openOCI(address string, o options) (Target, error) {
	t := &ociTarget{base: strings.Trim(strings.TrimPrefix(address, ociScheme+"://"), "/"), opts: o}
	if _, err := t.repository("chart"); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *ociTarget) repository(chartName string) (name.Repository, error) {
	opts := []name.Option{name.StrictValidation} // no default registry
	if t.opts.insecure {
		opts = append(opts, name.Insecure)
	}
	r, err := name.NewRepository(t.base+"/"+chartName, opts...)
	if err != nil {
		return name.Repository{}, fmt.Errorf("oci %q, chart %q: %w: %w", t.base, chartName, ErrConfig, err)
	}
	return r, nil
}

func (t *ociTarget) remote(ctx context.Context) []remote.Option {
	auth := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if password := t.opts.env("CHART_PROMOTER_REGISTRY_PASSWORD"); password != "" {
		auth = remote.WithAuth(&authn.Basic{Username: t.opts.env("CHART_PROMOTER_REGISTRY_USER"), Password: password})
	}
	return []remote.Option{remote.WithContext(ctx), remote.WithUserAgent("chart-promoter"), remote.WithTransport(t.opts.transport), auth}
}

// tag is a version as Helm writes it in a registry, since a tag cannot contain a plus.
func tag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// manifest returns the manifest of a tag. Error: errNotFound.
func (t *ociTarget) manifest(ctx context.Context, repo name.Repository, tag string) (*v1.Manifest, error) {
	d, err := remote.Get(repo.Tag(tag), t.remote(ctx)...)
	if err := classify(err); err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		return nil, fmt.Errorf("the manifest of %s:%s: %w: %w", repo, tag, ErrUnusable, err)
	}
	return &m, nil
}

// layer returns the digest of the layer of a media type.
func layer(m *v1.Manifest, kind types.MediaType) (v1.Hash, bool) {
	for _, l := range m.Layers {
		if l.MediaType == kind {
			return l.Digest, true
		}
	}
	return v1.Hash{}, false
}

func (t *ociTarget) blob(ctx context.Context, repo name.Repository, digest v1.Hash) ([]byte, error) {
	l, err := remote.Layer(repo.Digest(digest.String()), t.remote(ctx)...)
	if err != nil {
		return nil, classify(err)
	}
	r, err := l.Compressed()
	if err != nil {
		return nil, classify(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r) // the library compares the digest at the end
	return content, classify(err)
}

func (t *ociTarget) Lookup(ctx context.Context, chartName, version string) (string, bool, error) {
	repo, err := t.repository(chartName)
	if err != nil {
		return "", false, err
	}
	m, err := t.manifest(ctx, repo, tag(version))
	if errors.Is(err, errNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	digest, ok := layer(m, chartMediaType)
	if !ok {
		return "", false, fmt.Errorf("%s:%s is not a chart: %w", repo, tag(version), ErrUnusable)
	}
	return digest.Hex, true, nil
}

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
	there, found, err := t.Lookup(ctx, p.Name, p.Version)
	if err != nil {
		return result, err
	}
	if found && there != p.Digest {
		return Result{}, &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: there, Offered: p.Digest}
	}
	// A tag whose layer is gone names a package that nobody can pull; a registry's cleaning up leaves such tags.
	whole := found
	if found {
		if whole, err = t.holds(ctx, repo, p); err != nil {
			return result, err
		}
	}
	if item.DryRun {
		result.Changed, err = t.lacks(ctx, repo, item, whole)
		return result, err
	}
	// Attestations first, as they do no harm without the package.
	for _, r := range item.Attestations {
		added, err := t.putAttestation(ctx, repo, p.Digest, r)
		if err != nil {
			return result, err
		}
		result.Changed = result.Changed || added
	}
	if whole {
		return result, nil
	}
	result.Changed = true
	if found { // its manifest stays, and so does the digest that people pull it by
		return result, classifyWrite(repo, remote.WriteLayer(repo, static.NewLayer(p.Bytes, chartMediaType), t.remote(ctx)...))
	}
	if err := t.putChart(ctx, repo, item); err != nil {
		return result, err
	}
	if there, _, err = t.Lookup(ctx, p.Name, p.Version); err == nil && there != p.Digest {
		err = &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: there, Offered: p.Digest}
	}
	return result, err
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

func (m rawManifest) RawManifest() ([]byte, error)        { return m, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// versions returns the tags of a chart that are versions, the highest first.
func (t *ociTarget) versions(ctx context.Context, repo name.Repository) ([]string, error) {
	tags, err := remote.List(repo, t.remote(ctx)...)
	if err := classify(err); err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return !isVersion(tag) })
	slices.SortFunc(tags, func(a, b string) int {
		return version.Compare(strings.ReplaceAll(b, "_", "+"), strings.ReplaceAll(a, "_", "+"))
	})
	return tags, nil
}

func (t *ociTarget) Latest(ctx context.Context, chartName string) (string, []byte, error) {
	repo, err := t.repository(chartName)
	if err != nil {
		return "", nil, err
	}
	tags, err := t.versions(ctx, repo)
	if err != nil {
		return "", nil, err
	}
	at := slices.IndexFunc(tags, isRelease)
	if at < 0 {
		return "", nil, fmt.Errorf("no release of %s: %w", chartName, ErrNone)
	}
	version := strings.ReplaceAll(tags[at], "_", "+")
	pkg, err := t.Package(ctx, chartName, version)
	return version, pkg, err
}

func (t *ociTarget) Package(ctx context.Context, chartName, version string) ([]byte, error) {
	repo, err := t.repository(chartName)
	if err != nil {
		return nil, err
	}
	m, err := t.manifest(ctx, repo, tag(version))
	if errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("%s %s: %w", chartName, version, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	digest, _ := layer(m, chartMediaType)
	pkg, err := t.blob(ctx, repo, digest)
	if errors.Is(err, errNotFound) || err == nil && chart.Digest(pkg) != digest.Hex {
		err = fmt.Errorf("%s %s: %w", chartName, version, ErrArchiveMissing)
	}
	return pkg, err
}

func (t *ociTarget) entry(ctx context.Context, repo name.Repository, tag string) (index.Entry, error) {
	e := index.Entry{Metadata: &chart.Metadata{}, URLs: []string{fmt.Sprintf("%s://%s:%s", ociScheme, repo, tag)}}
	m, err := t.manifest(ctx, repo, tag)
	if err != nil {
		return e, err
	}
	config, err := t.blob(ctx, repo, m.Config.Digest)
	if err != nil {
		return e, err
	}
	if err := json.NewDecoder(bytes.NewReader(config)).Decode(e.Metadata); err != nil {
		return e, fmt.Errorf("%s:%s is not a chart: %w: %w", repo, tag, ErrUnusable, err)
	}
	digest, _ := layer(m, chartMediaType)
	e.Digest = digest.Hex
	e.Created, _ = time.Parse(time.RFC3339, m.Annotations[createdAnnotation])
	return e, nil
}
