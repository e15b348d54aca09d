package candidate

import (
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

// fieldsOf are the fields that a candidate sets in a chart with this values.yaml. Errors: config.ErrNoImageField, chart.ErrNotYAML.
func fieldsOf(cfg *config.Config, values []byte) (config.Fields, error) {
	return cfg.FieldsOf(func(path string) (bool, error) { return chart.IsSettable(values, path) })
}

// findImage reads the image from the fields that a candidate sets. A package that was published with an earlier configuration may lack
// some of these fields: a missing field is an error only if strict.
func (c *Candidate) findImage(cfg *config.Config, strict bool) error {
	raw, values, err := c.Package.Values()
	if err != nil {
		return err
	}
	fields, err := fieldsOf(cfg, raw)
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
	repository, tag, digest := found[config.ImageRepository], found[config.ImageTag], found[config.ImageDigest]
	if repository == "" || tag == "" && digest == "" {
		return nil
	}
	c.Image, c.ImageRepository, c.ImageDigest = image.Reference(repository, tag, digest), repository, digest
	return nil
}
