package publish

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
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
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
	auth := remote.WithAuthFromKeychain(image.Keychain{Env: t.opts.env, Pushes: append(slices.Clone(t.opts.pushes), t.base)})
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
		return nil, fmt.Errorf("read the manifest of %s:%s: %w: %w", repo, tag, ErrUnusable, err)
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
