package image

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Layer returns the content of the first layer of a media type of an artifact, such as a chart, at most limit bytes of it. Errors:
// ErrNoImage, ErrRegistry, ErrRegistryAuth.
func (a Access) Layer(ctx context.Context, ref, mediaType string, limit int64) ([]byte, error) {
	r, err := a.Parse(ref)
	if err != nil {
		return nil, err
	}
	artifact, err := remote.Image(r, a.options(ctx)...)
	if err != nil {
		return nil, classify(ref, err)
	}
	layers, err := artifact.Layers()
	if err != nil {
		return nil, classify(ref, err)
	}
	for _, l := range layers {
		if kind, err := l.MediaType(); err == nil && kind == types.MediaType(mediaType) {
			return content(ref, l, limit)
		}
	}
	return nil, fmt.Errorf("%s: %w: it has no layer of type %s", ref, ErrRegistry, mediaType)
}

// content reads a layer; the library compares its digest at the end.
func content(ref string, l v1.Layer, limit int64) ([]byte, error) {
	size, err := l.Size()
	if err != nil {
		return nil, classify(ref, err)
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %w: it has %d bytes, and %d are allowed", ref, ErrRegistry, size, limit)
	}
	stream, err := l.Compressed()
	if err != nil {
		return nil, classify(ref, err)
	}
	defer stream.Close()
	data, err := io.ReadAll(stream)
	if err != nil {
		return nil, classify(ref, err)
	}
	return data, nil
}
