package image

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Point makes a tag name an image of its repository, and changes nothing if it does already. Errors: ErrNoImage, ErrRegistry,
// ErrRegistryAuth.
func (a Access) Point(ctx context.Context, repository, tag, digest string) error {
	image, ref := Reference(repository, "", digest), Reference(repository, tag, "")
	if old, err := a.Digest(ctx, ref); err == nil && old == digest || err != nil && !errors.Is(err, ErrNoImage) {
		return err
	}
	r, err := a.Parse(image)
	if err != nil {
		return err
	}
	desc, err := remote.Get(r, a.options(ctx)...)
	if err != nil {
		return classify(image, err)
	}
	to := r.Context().Tag(tag)
	return classifyWrite(to, remote.Tag(to, desc, a.options(ctx)...))
}
