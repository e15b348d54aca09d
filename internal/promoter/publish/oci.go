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
	// puller keeps connections and tokens between requests.
	puller *remote.Puller
}

// The form of a chart in a registry is defined by Helm's pkg/registry; a test compares these constants with it.
const (
	ociScheme           = "oci"
	configMediaType     = "application/vnd.cncf.helm.config.v1+json"
	chartMediaType      = chart.MediaType
	provenanceMediaType = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

const createdAnnotation = "org.opencontainers.image.created"

func openOCI(address string, o options) (Target, error) {
	t := &ociTarget{base: strings.Trim(strings.TrimPrefix(address, ociScheme+"://"), "/"), opts: o}
	if _, err := t.repository("chart"); err != nil {
		return nil, err
	}
	var err error
	if t.puller, err = remote.NewPuller(t.access()...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
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
	return append(t.access(), remote.WithContext(ctx), remote.Reuse(t.puller))
}

func (t *ociTarget) access() []remote.Option {
	auth := remote.WithAuthFromKeychain(image.Keychain{Env: t.opts.env, Pushes: append(slices.Clone(t.opts.pushes), t.base)})
	return []remote.Option{remote.WithUserAgent("chart-promoter"), remote.WithTransport(t.opts.transport), auth}
}

// tag is a version as Helm writes it in a registry, since a tag cannot contain a plus.
func tag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// manifest returns a manifest and its descriptor. Error: errNotFound.
func (t *ociTarget) manifest(ctx context.Context, ref name.Reference) (*v1.Manifest, v1.Descriptor, error) {
	d, err := remote.Get(ref, t.remote(ctx)...)
	if err := classify(err); err != nil {
		return nil, v1.Descriptor{}, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		return nil, v1.Descriptor{}, fmt.Errorf("read the manifest of %s: %w: %w", ref, ErrUnusable, err)
	}
	return &m, d.Descriptor, nil
}

// maxPackage and maxConfig are the most bytes of a package and of its metadata that are read.
const (
	maxPackage = 256 << 20
	maxConfig  = 4 << 20
)

// layer returns the digest of the layer of a media type.
func layer(m *v1.Manifest, kind types.MediaType) (v1.Hash, bool) {
	for _, l := range m.Layers {
		if l.MediaType == kind {
			return l.Digest, true
		}
	}
	return v1.Hash{}, false
}

// blob reads a blob of at most limit bytes.
func (t *ociTarget) blob(ctx context.Context, repo name.Repository, digest v1.Hash, limit int64) ([]byte, error) {
	l, err := remote.Layer(repo.Digest(digest.String()), t.remote(ctx)...)
	if err != nil {
		return nil, classify(err)
	}
	r, err := l.Compressed()
	if err != nil {
		return nil, classify(err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1)) // the library compares the digest at the end
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s@%s has more than %d bytes: %w", repo, digest, limit, ErrUnusable)
	}
	return content, classify(err)
}

func (t *ociTarget) Lookup(ctx context.Context, chartName, version string) (string, bool, error) {
	repo, err := t.repository(chartName)
	if err != nil {
		return "", false, err
	}
	digest, _, found, err := t.find(ctx, repo, version)
	return digest, found, err
}

// find returns the digest of the package of a version and its manifest.
func (t *ociTarget) find(ctx context.Context, repo name.Repository, version string) (digest string, subject v1.Descriptor, found bool, err error) {
	m, subject, err := t.manifest(ctx, repo.Tag(tag(version)))
	if errors.Is(err, errNotFound) {
		return "", subject, false, nil
	}
	if err != nil {
		return "", subject, false, err
	}
	l, ok := layer(m, chartMediaType)
	if !ok {
		return "", subject, false, fmt.Errorf("%s:%s is not a chart: %w", repo, tag(version), ErrUnusable)
	}
	return l.Hex, subject, true, nil
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
	m, _, err := t.manifest(ctx, repo.Tag(tag(version)))
	if errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("%s %s: %w", chartName, version, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	digest, _ := layer(m, chartMediaType)
	pkg, err := t.blob(ctx, repo, digest, maxPackage)
	if errors.Is(err, errNotFound) || err == nil && chart.Digest(pkg) != digest.Hex {
		err = fmt.Errorf("%s %s: %w", chartName, version, ErrArchiveMissing)
	}
	return pkg, err
}
