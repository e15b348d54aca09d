package config

import (
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Fields are fields of a chart: file, path of the field in it, and the name of the value that it gets.
type Fields map[string]map[string]string

// The names of the values that a field can get.
const (
	AppVersion      = "appVersion"
	ChartVersion    = "chartVersion"
	Commit          = "commit"
	ImageDigest     = "imageDigest"
	ImageRepository = "imageRepository"
	ImageTag        = "imageTag"
	// Changes, Images and Prerelease are for annotations that Artifact Hub reads, such as artifacthub.io/changes.
	Changes    = "changes"
	Images     = "images"
	Prerelease = "prerelease"
)

var fieldValues = []string{AppVersion, Changes, ChartVersion, Commit, ImageDigest, ImageRepository, ImageTag, Images, Prerelease}

// Sets reports whether a field is configured to get a value.
func (f Fields) Sets(value string) bool {
	for _, paths := range f {
		for _, v := range paths {
			if v == value {
				return true
			}
		}
	}
	return false
}

// ErrNoImageField is the error of a chart whose values.yaml has no field for the image that is built.
var ErrNoImageField = failure.New(failure.BadInput, "the field for the image does not exist")

// imageFields is where most charts have their image: what `helm create` writes, and a digest beside it.
var imageFields = []struct{ path, value string }{
	{"image.repository", ImageRepository}, {"image.tag", ImageTag}, {"image.digest", ImageDigest},
}

// FieldsOf returns the fields that a candidate sets: those of the configuration, or else the default, for which settable reports
// whether the chart's values.yaml has a field that can be changed. Errors: ErrNoImageField, and those of settable.
func (c *Config) FieldsOf(settable func(path string) (bool, error)) (Fields, error) {
	if c.Chart.Fields != nil {
		return c.Chart.Fields, nil
	}
	fields := Fields{"Chart.yaml": {"version": ChartVersion, "appVersion": AppVersion}}
	own := c.Chart.Version
	if own != nil && own.From == FromFile {
		delete(fields["Chart.yaml"], "version")
	}
	if own != nil && c.Builder() == nil {
		delete(fields["Chart.yaml"], "appVersion")
	}
	if c.Builder() == nil {
		return fields, nil
	}
	found, set := map[string]string{}, map[string]bool{}
	var missing []string
	for _, f := range imageFields {
		ok, err := settable(f.path)
		if err != nil {
			return nil, fmt.Errorf("values.yaml: %w", err)
		}
		if !ok {
			missing = append(missing, f.path)
			continue
		}
		found[f.path], set[f.value] = f.value, true
	}
	// The candidate would be tested with another image than the one that is built.
	if !set[ImageRepository] || !set[ImageTag] && !set[ImageDigest] {
		return nil, fmt.Errorf("field %s in values.yaml: %w; the chart would not run the image that is built; name the fields of its image in chart.scalars", strings.Join(missing, ", "), ErrNoImageField)
	}
	fields["values.yaml"] = found
	return fields, nil
}
