package candidate

import (
	"cmp"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// Read reads a published package and the image that it names, if the configuration finds one in it. Errors: those of
// chart.ReadPackage.
func Read(data []byte, cfg *config.Config) (*Candidate, error) {
	pkg, err := chart.ReadPackage(data)
	if err != nil {
		return nil, err
	}
	c := &Candidate{Package: pkg}
	return c, c.findImage(cfg, false)
}

// fieldsOf are the fields that a candidate sets in a chart with this values.yaml. Errors: config.ErrNoImageField,
// config.ErrOtherRegistry, chart.ErrNotYAML.
func fieldsOf(cfg *config.Config, values []byte, usesAppVersion func() bool) (config.Fields, error) {
	return cfg.FieldsOf(config.Values{
		Settable:       func(path string) (bool, error) { return chart.IsSettable(values, path) },
		Text:           func(path string) string { return chart.TextAt(values, path) },
		UsesAppVersion: usesAppVersion,
	})
}

// findImage reads the images from the fields that a candidate sets. A package that was published with an earlier configuration may lack
// some of these fields: a missing field is an error only if strict.
func (c *Candidate) findImage(cfg *config.Config, strict bool) error {
	raw, values, err := c.Package.Values()
	if err != nil {
		return err
	}
	// Whether a template uses appVersion was found out when the candidate was written.
	fields, err := fieldsOf(cfg, raw, func() bool { return true })
	if err != nil && strict {
		return err
	}
	found := map[string]string{}
	for path, name := range fields["values.yaml"] {
		switch v := chart.Lookup(values, path); {
		case v != nil:
			found[name] = fmt.Sprint(v)
		case strict:
			return fmt.Errorf("%s in values.yaml: %w", path, chart.ErrPathNotFound)
		}
	}
	count := 1
	if cfg.Builder() != nil {
		count = len(cfg.Builder().Build.All())
	}
	for i := range count {
		versioned := false
		for _, name := range fields["values.yaml"] {
			versioned = versioned || name == cfg.Of(i, config.ImageTag) || name == cfg.Of(i, config.ImageDigest)
		}
		c.add(versioned, func(value string) string { return found[cfg.Of(i, value)] })
	}
	return nil
}

// add adds an image by the values that the chart has of it, if they name one. versioned is true if the chart has a field for its tag or
// digest; the templates of a chart without one take the tag from appVersion.
func (c *Candidate) add(versioned bool, found func(value string) string) {
	img := Image{Repository: found(config.ImageRepository), Tag: found(config.ImageTag), Digest: found(config.ImageDigest)}
	if path := found(config.ImagePath); img.Repository == "" && path != "" {
		img.Repository = path
		if registry := found(config.ImageRegistry); registry != "" {
			img.Repository = registry + "/" + path
		}
	}
	for _, value := range []string{config.ImageTagged, config.ImageWhole} {
		if whole := found(value); whole != "" {
			repository, tag, digest := image.Cut(whole)
			img = Image{Repository: repository, Tag: tag, Digest: cmp.Or(digest, img.Digest)}
		}
	}
	if img.Repository == "" {
		return
	}
	if !versioned && img.Tag == "" && img.Digest == "" {
		img.Tag = c.Package.AppVersion
	}
	if img.Tag != "" || img.Digest != "" {
		c.Images = append(c.Images, img)
	}
}
