package config

import (
	"fmt"
	"strings"
)

// find returns the fields of an image at a path of values.yaml: what `helm create` writes, a digest and a registry beside it as in many
// charts, or the whole reference. byDigest is true for an image that has no tag of its own.
func (v Values) find(place string, byDigest bool) (map[string]string, error) {
	if whole, err := v.Settable(place); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	} else if whole && v.Text(place) != "" {
		return map[string]string{place: ImageWhole}, nil
	}
	found, set := map[string]string{}, map[string]bool{}
	var missing []string
	for _, f := range []struct{ key, value string }{
		{"registry", ImageRegistry}, {"repository", ImageRepository}, {"tag", ImageTag}, {"digest", ImageDigest},
	} {
		p := place + "." + f.key
		ok, err := v.Settable(p)
		if err != nil {
			return nil, fmt.Errorf("values.yaml: %w", err)
		}
		if f.value == ImageRepository && set[ImageRegistry] {
			f.value = ImagePath
		}
		switch {
		case ok:
			found[p], set[f.value] = f.value, true
		case f.value != ImageRegistry:
			missing = append(missing, p)
		}
	}
	// The candidate would be tested with another image than the one that is built.
	named := set[ImageDigest] || !byDigest && (set[ImageTag] || v.UsesAppVersion())
	if !set[ImageRepository] && !set[ImagePath] || !named {
		return nil, fmt.Errorf("field %s in values.yaml: %w; the chart would not run the image that is built; name the fields of its image in scalars, or write scalars: {} if the chart has none",
			strings.Join(missing, ", "), ErrNoImageField)
	}
	return found, nil
}

// globalRegistry is the value that takes precedence over the registry of each image, where charts have both.
const globalRegistry = "global.imageRegistry"

// checkGlobalRegistry rejects a chart that would take an image from the global registry in place of the one that a candidate sets.
func (v Values) checkGlobalRegistry(img Image, found map[string]string) error {
	host, _, _ := strings.Cut(img.Repository, "/")
	global := v.Text(globalRegistry)
	for p, value := range found {
		if value == ImageRegistry && global != "" && global != host {
			return fmt.Errorf("%s in values.yaml is %q, and takes precedence over %s: %w; leave it empty there, or name the image's fields in scalars", globalRegistry, global, p, ErrOtherRegistry)
		}
	}
	return nil
}

// checkRegistries rejects fields that set a repository with its registry, or without it, beside another registry that stays: the chart
// would put that one before it.
func (c *Config) checkRegistries(v Values, fields map[string]string) error {
	images := c.Builder().Build.All()
	for p, value := range fields {
		at := strings.LastIndex(p, ".")
		if at < 0 {
			continue
		}
		sibling := p[:at] + ".registry"
		text := v.Text(sibling)
		if _, set := fields[sibling]; set || text == "" {
			continue
		}
		for i := range images {
			host, _, _ := strings.Cut(images[i].Repository, "/")
			if value == c.Of(i, ImageRepository) || value == c.Of(i, ImagePath) && text != host {
				return fmt.Errorf("%s in values.yaml is %q, and %s would follow it: %w; set %s to imageRegistry and %s to imagePath in scalars", sibling, text, p, ErrOtherRegistry, sibling, p)
			}
		}
	}
	return nil
}

// checkDigests rejects fields that name an image from elsewhere in no way: it has a digest, and no tag unless the configuration has one.
func (c *Config) checkDigests(fields map[string]string) error {
	for i, img := range c.Builder().Build.All() {
		if !img.Elsewhere() || img.Tag != "" || img.Repository == "" {
			continue
		}
		named, digest := false, false
		for _, value := range fields {
			named = named || value == c.Of(i, ImageRepository) || value == c.Of(i, ImagePath) || value == c.Of(i, ImageTag) || value == c.Of(i, ImageTagged)
			digest = digest || value == c.Of(i, ImageDigest) || value == c.Of(i, ImageWhole)
		}
		if named && !digest {
			return fmt.Errorf("values.yaml has no field for the digest of image %s, which has no tag: %w; set a field to imageDigest or image, or give the image a tag", img.Name, ErrNoImageField)
		}
	}
	return nil
}
