package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// attestationPrefix begins the tags of a package's attestations. Each attestation has a tag of its own, derived from the digests of the
// package and of itself: attestations that are added at the same time cannot overwrite each other, as they would in one list, and
// the same attestation has the same tag.
func attestationPrefix(digest string) string { return "sha256-" + digest[:32] + "." }

func attestationTag(digest string, envelope []byte) string {
	return attestationPrefix(digest) + chart.Digest(envelope)[:32] + ".att"
}

func isVersion(tag string) bool {
	_, err := semver.NewVersion(strings.ReplaceAll(tag, "_", "+"))
	return err == nil && !strings.HasPrefix(tag, "sha256-")
}

func isRelease(tag string) bool {
	v, err := semver.NewVersion(strings.ReplaceAll(tag, "_", "+"))
	return err == nil && v.Prerelease() == ""
}

// findAttestation returns the attestation in one line, and the tag that it has or will have.
func (t *ociTarget) findAttestation(ctx context.Context, repo name.Repository, digest string, envelope []byte) (line []byte, ref name.Tag, there bool, err error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, envelope); err != nil {
		return nil, ref, false, fmt.Errorf("an attestation is not JSON: %w", err)
	}
	line = compact.Bytes()
	ref = repo.Tag(attestationTag(digest, line))
	_, err = remote.Head(ref, t.remote(ctx)...)
	if err = classify(err); errors.Is(err, errNotFound) {
		return line, ref, false, nil
	}
	return line, ref, err == nil, err
}

func (t *ociTarget) putAttestation(ctx context.Context, repo name.Repository, digest string, envelope []byte) (added bool, err error) {
	line, ref, there, err := t.findAttestation(ctx, repo, digest, envelope)
	if err != nil || there {
		return false, err
	}
	config := static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json")
	return true, t.put(ctx, ref, config, []v1.Layer{static.NewLayer(line, attestationMediaType)}, nil)
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

func (t *ociTarget) Attestations(ctx context.Context, chartName, version string) ([][]byte, error) {
	digest, found, err := t.Lookup(ctx, chartName, version)
	if err != nil || !found {
		return nil, err
	}
	repo, err := t.repository(chartName)
	if err != nil {
		return nil, err
	}
	tags, err := remote.List(repo, t.remote(ctx)...)
	if err := classify(err); err != nil {
		return nil, err
	}
	slices.Sort(tags) // a registry stores no order
	var attestations [][]byte
	for _, tag := range tags {
		if !strings.HasPrefix(tag, attestationPrefix(digest)) {
			continue
		}
		m, err := t.manifest(ctx, repo, tag)
		if err != nil {
			return nil, err
		}
		at, ok := layer(m, attestationMediaType)
		if !ok {
			continue
		}
		envelope, err := t.blob(ctx, repo, at)
		if err != nil {
			return nil, err
		}
		attestations = append(attestations, envelope)
	}
	return attestations, nil
}

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

// AttestationsOf reads one version after the other.
func (t *ociTarget) AttestationsOf(ctx context.Context, name string, versions ...string) (map[string][][]byte, error) {
	all := map[string][][]byte{}
	for _, v := range versions {
		var err error
		if all[v], err = t.Attestations(ctx, name, v); err != nil && !errors.Is(err, ErrNone) {
			return nil, err
		}
	}
	return all, nil
}

// List reads the charts from the registry's catalogue if none is named; many
// registries have no catalogue.
func (t *ociTarget) List(ctx context.Context, names ...string) ([]index.Entry, error) {
	if len(names) == 0 {
		var err error
		if names, err = t.catalogue(ctx); err != nil {
			return nil, err
		}
	}
	var all []index.Entry
	for _, n := range names {
		repo, err := t.repository(n)
		if err != nil {
			return nil, err
		}
		tags, err := t.versions(ctx, repo)
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			e, err := t.entry(ctx, repo, tag)
			if errors.Is(err, errNotFound) {
				continue // yanked meanwhile
			}
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
	}
	return all, nil
}

func (t *ociTarget) catalogue(ctx context.Context) ([]string, error) {
	repo, err := t.repository("chart")
	if err != nil {
		return nil, err
	}
	all, err := remote.Catalog(ctx, repo.Registry, t.remote(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("the registry does not list its charts, name them: %w", classify(err))
	}
	prefix := strings.TrimSuffix(repo.RepositoryStr(), "chart")
	var names []string
	for _, r := range all {
		if n, ok := strings.CutPrefix(r, prefix); ok && !strings.Contains(n, "/") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}
