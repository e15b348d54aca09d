package publish

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

const (
	// atOnce is the number of requests at the same time.
	atOnce = 8
	// maxEnvelope is the most bytes of an attestation that are read, maxReferrers the most attestations of others.
	maxEnvelope  = 4 << 20
	maxReferrers = 100
)

// attestationPrefix begins the tags of a package's attestations. Each attestation has a tag of its own, derived from the digests of the
// package and of itself. The tags are the truth: attestations that are added at the same time cannot overwrite each other, as they do in
// the one list that a registry without the referrers API of OCI 1.1 has for each subject; a registry that deletes what has no tag keeps
// them; and they outlive the manifest of the chart, which a second publisher may write again.
func attestationPrefix(digest string) string { return "sha256-" + digest[:32] + "." }

func attestationTag(digest string, line []byte) string {
	return attestationPrefix(digest) + chart.Digest(line)[:32] + ".att"
}

// findAttestation returns the attestation in one line, and the tag that it has or will have.
func (t *ociTarget) findAttestation(ctx context.Context, repo name.Repository, digest string, envelope []byte) (line []byte, ref name.Tag, there bool, err error) {
	if line, err = compactLine(envelope); err != nil {
		return nil, ref, false, err
	}
	ref = repo.Tag(attestationTag(digest, line))
	_, err = remote.Head(ref, t.remote(ctx)...)
	if err = classify(err); errors.Is(err, errNotFound) {
		return line, ref, false, nil
	}
	return line, ref, err == nil, err
}

// putAttestations adds the attestations that the registry lacks, as referrers of the subject.
func (t *ociTarget) putAttestations(ctx context.Context, repo name.Repository, digest string, subject v1.Descriptor, envelopes [][]byte) (changed bool, err error) {
	for _, a := range envelopes {
		line, ref, there, err := t.findAttestation(ctx, repo, digest, a)
		if err != nil {
			return changed, err
		}
		if there {
			continue
		}
		r, err := newReferrer(line, subject)
		if err == nil {
			err = t.putReferrer(ctx, ref, r)
		}
		if err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

func (t *ociTarget) putReferrer(ctx context.Context, ref name.Reference, r referrer) error {
	for _, l := range []v1.Layer{emptyLayer(), r.layer} {
		if err := remote.WriteLayer(ref.Context(), l, t.remote(ctx)...); err != nil {
			return classifyWrite(ref.Context(), err)
		}
	}
	// The library adds it to the list of the subject where the registry has no referrers API.
	return classifyWrite(ref.Context(), remote.Put(ref, r.manifest, t.remote(ctx)...))
}

// referrers lists what refers to a manifest, and may be an attestation.
func (t *ociTarget) referrers(ctx context.Context, repo name.Repository, subject v1.Hash) ([]v1.Descriptor, error) {
	idx, err := remote.Referrers(repo.Digest(subject.String()), t.remote(ctx)...)
	if err := classify(err); err != nil {
		return nil, err
	}
	list, err := idx.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read the referrers of %s: %w: %w", repo, ErrUnusable, err)
	}
	// Some registries report the type of the configuration in place of the artifact's.
	return slices.DeleteFunc(list.Manifests, func(d v1.Descriptor) bool {
		return d.ArtifactType != bundleMediaType && d.ArtifactType != emptyMediaType && d.ArtifactType != ""
	}), nil
}

// attestation is one that is stored. Its envelope is nil if what is stored is none.
type attestation struct {
	ref      name.Reference
	manifest v1.Hash
	envelope []byte
}

// tagged reads the attestations that have a tag.
func (t *ociTarget) tagged(ctx context.Context, repo name.Repository, digest string) ([]attestation, error) {
	tags, err := remote.List(repo, t.remote(ctx)...)
	if err = classify(err); errors.Is(err, errNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t.readTagged(ctx, repo, tags, digest)
}

func (t *ociTarget) readTagged(ctx context.Context, repo name.Repository, tags []string, digest string) ([]attestation, error) {
	var refs []name.Reference
	for _, tag := range tags {
		if strings.HasPrefix(tag, attestationPrefix(digest)) {
			refs = append(refs, repo.Tag(tag))
		}
	}
	return t.readAttestations(ctx, refs)
}

// readAttestations reads several at the same time and leaves out what is none.
func (t *ociTarget) readAttestations(ctx context.Context, refs []name.Reference) ([]attestation, error) {
	all := make([]attestation, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, ref := range refs {
		group.Go(func() (err error) {
			all[i], err = t.readAttestation(ctx, ref)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a attestation) bool { return a.envelope == nil })
	// A registry stores no order.
	slices.SortFunc(all, func(a, b attestation) int { return cmp.Compare(a.ref.Identifier(), b.ref.Identifier()) })
	return all, nil
}

func (t *ociTarget) readAttestation(ctx context.Context, ref name.Reference) (attestation, error) {
	a := attestation{ref: ref}
	m, d, err := t.manifest(ctx, ref)
	if errors.Is(err, errNotFound) {
		return a, nil // removed meanwhile
	}
	if err != nil {
		return a, err
	}
	a.manifest = d.Digest
	l, ok := envelopeLayer(m)
	if !ok || l.Size > maxEnvelope {
		return a, nil
	}
	content, err := t.blob(ctx, ref.Context(), l.Digest, maxEnvelope)
	a.envelope = unwrap(l.MediaType, content)
	return a, err
}

func (t *ociTarget) Attestations(ctx context.Context, chartName, version string) ([][]byte, error) {
	all, err := t.attestationsOfChart(ctx, chartName, []string{version})
	return all[version], err
}

func (t *ociTarget) AttestationsOf(ctx context.Context, versions map[string][]string) (map[string]map[string][][]byte, error) {
	all := map[string]map[string][][]byte{}
	for name, list := range versions {
		var err error
		if all[name], err = t.attestationsOfChart(ctx, name, list); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *ociTarget) attestationsOfChart(ctx context.Context, chartName string, versions []string) (map[string][][]byte, error) {
	repo, err := t.repository(chartName)
	if err != nil {
		return nil, err
	}
	tags, err := remote.List(repo, t.remote(ctx)...)
	if err = classify(err); err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	lists := make([][][]byte, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, v := range versions {
		group.Go(func() (err error) {
			lists[i], err = t.attestationsOf(ctx, repo, tags, v)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string][][]byte{}
	for i, v := range versions {
		all[v] = lists[i]
	}
	return all, nil
}

// attestationsOf reads those with a tag, and those that only refer to the chart: a copy of a chart has its referrers, not their tags.
func (t *ociTarget) attestationsOf(ctx context.Context, repo name.Repository, tags []string, version string) ([][]byte, error) {
	m, subject, err := t.manifest(ctx, repo.Tag(tag(version)))
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	digest, ok := layer(m, chartMediaType)
	if !ok {
		return nil, fmt.Errorf("%s:%s is not a chart: %w", repo, tag(version), ErrUnusable)
	}
	found, err := t.readTagged(ctx, repo, tags, digest.Hex)
	if err != nil {
		return nil, err
	}
	linked, err := t.referrers(ctx, repo, subject.Digest)
	if err != nil {
		return nil, err
	}
	var others []name.Reference
	for _, d := range linked[:min(len(linked), maxReferrers)] {
		if !slices.ContainsFunc(found, func(a attestation) bool { return a.manifest == d.Digest }) {
			others = append(others, repo.Digest(d.Digest.String()))
		}
	}
	more, err := t.readAttestations(ctx, others)
	var envelopes [][]byte
	for _, a := range append(found, more...) {
		known := slices.ContainsFunc(envelopes, func(e []byte) bool { return bytes.Equal(e, a.envelope) })
		if !known && peek(a.envelope).isAbout(digest.Hex) {
			envelopes = append(envelopes, a.envelope)
		}
	}
	return envelopes, err
}
