package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// attestationPrefix begins the tags of a package's attestations. Each attestation has a tag of its own, derived from the digests of the
// package and of itself: attestations that are added at the same time cannot overwrite each other, as they would in one list, and
// the same attestation has the same tag. Tags work in every registry, while many lack the referrers API of OCI 1.1.
func attestationPrefix(digest string) string { return "sha256-" + digest[:32] + "." }

func attestationTag(digest string, envelope []byte) string {
	return attestationPrefix(digest) + chart.Digest(envelope)[:32] + ".att"
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

// putAttestations adds the attestations that the registry lacks.
func (t *ociTarget) putAttestations(ctx context.Context, repo name.Repository, item Item) (changed bool, err error) {
	for _, a := range item.Attestations {
		added, err := t.putAttestation(ctx, repo, item.Package.Digest, a)
		if err != nil {
			return changed, err
		}
		changed = changed || added
	}
	return changed, nil
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
