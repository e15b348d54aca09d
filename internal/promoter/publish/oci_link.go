package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxLinkings is how often the list of a registry without the referrers API is repaired, when others write it at the same time.
const maxLinkings = 20

// link makes the attestations of a package referrers of the manifest that its tag names: those of earlier versions of this program,
// of a publisher that wrote the same package with another manifest at the same time, and of one that was killed. Every publisher ends
// with this, after its last write, so that the last one repairs what others overwrote in a registry without the referrers API.
// signed are further envelopes, about this very manifest.
func (t *ociTarget) link(ctx context.Context, repo name.Repository, digest string, subject v1.Descriptor, signed [][]byte) (changed bool, err error) {
	for try := 0; ; try++ {
		linked, err := t.referrers(ctx, repo, subject.Digest)
		if err != nil {
			return changed, err
		}
		missing, err := t.unlinked(ctx, repo, digest, subject, signed, linked)
		if err != nil || len(missing) == 0 {
			return changed, err
		}
		if try == maxLinkings {
			return changed, fmt.Errorf("the registry does not list all attestations of %s, because others keep writing that list; run this again later: %w", repo, ErrUnusable)
		}
		for _, m := range missing {
			if err := t.putReferrer(ctx, m.ref, m.referrer); err != nil {
				return changed, err
			}
			changed = true
		}
	}
}

type unlinkedReferrer struct {
	ref name.Reference
	referrer
}

func (t *ociTarget) unlinked(ctx context.Context, repo name.Repository, digest string, subject v1.Descriptor, signed [][]byte, linked []v1.Descriptor) ([]unlinkedReferrer, error) {
	tagged, err := t.tagged(ctx, repo, digest)
	if err != nil {
		return nil, err
	}
	var missing []unlinkedReferrer
	add := func(ref name.Reference, line []byte) error {
		r, err := newReferrer(line, subject)
		if err != nil || slices.ContainsFunc(linked, func(d v1.Descriptor) bool { return d.Digest == r.digest }) {
			return err
		}
		if ref == nil {
			ref = repo.Digest(r.digest.String())
		}
		missing = append(missing, unlinkedReferrer{ref, r})
		return nil
	}
	for _, a := range tagged {
		if err := add(a.ref, a.envelope); err != nil {
			return nil, err
		}
	}
	for _, envelope := range signed {
		line, err := compactLine(envelope)
		if err == nil {
			err = add(nil, line)
		}
		if err != nil {
			return nil, err
		}
	}
	return missing, nil
}
