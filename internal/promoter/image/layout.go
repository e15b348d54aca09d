package image

import (
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/christianb93/bitcoin-controller/internal/ocilayout"
)

// FromLayout reads the images of an OCI image layout, a directory: the index that it names if it names only one, or all its images.
// Every byte is compared with its digest. The layers are unpacked and compared with the images' configurations, but not those of an index that
// known reports, such as one that is in use already; nil knows none. Error: ErrSpec.
func FromLayout(dir string, known func(digest v1.Hash) bool) (v1.ImageIndex, error) {
	idx, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is no OCI image layout: %w", ErrSpec, dir, err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSpec, dir, err)
	}
	if len(m.Manifests) == 0 {
		return nil, fmt.Errorf("%w: the OCI image layout %s has no image", ErrSpec, dir)
	}
	if len(m.Manifests) == 1 && m.Manifests[0].MediaType.IsIndex() {
		if idx, err = idx.ImageIndex(m.Manifests[0].Digest); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrSpec, dir, err)
		}
	}
	digest, err := idx.Digest()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSpec, dir, err)
	}
	var depth []validate.Option
	if known != nil && known(digest) {
		depth = append(depth, validate.Fast)
	}
	// The library compares layers only, which takes several times as long, since it unpacks them.
	if err := errors.Join(ocilayout.Compare(dir), validate.Index(idx, depth...)); err != nil {
		return nil, fmt.Errorf("%w: the OCI image layout %s is damaged: %w", ErrSpec, dir, err)
	}
	return idx, nil
}
