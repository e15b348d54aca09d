package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Fields are fields of a chart: file, path of the field in it, and the name of the value that it gets.
type Fields map[string]map[string]string

// The names of the values that a field can get.
const (
	AppVersion      = "appVersion"
	ChartVersion    = "chartVersion"
	Commit          = "commit"
	ImageWhole      = "image"
	ImageTagged     = "imageTagged"
	ImageDigest     = "imageDigest"
	ImagePath       = "imagePath"
	ImageRegistry   = "imageRegistry"
	ImageRepository = "imageRepository"
	ImageTag        = "imageTag"
	// Changes, Images and Prerelease are for annotations that Artifact Hub reads, such as artifacthub.io/changes.
	Changes    = "changes"
	Images     = "images"
	Prerelease = "prerelease"
)

var fieldValues = []string{
	AppVersion, Changes, ChartVersion, Commit, ImageWhole, ImageDigest, ImagePath, ImageRegistry, ImageRepository, ImageTag, ImageTagged, Images, Prerelease,
}

// FieldValues are the names of the values that a field can get.
func FieldValues() []string { return slices.Clone(fieldValues) }

var imageValues = []string{ImageWhole, ImageDigest, ImagePath, ImageRegistry, ImageRepository, ImageTag, ImageTagged}

// ImageValues are those of FieldValues that are of a single image.
func ImageValues() []string { return slices.Clone(imageValues) }

// OfImage reports whether a value is one of a single image.
func OfImage(value string) bool { return slices.Contains(imageValues, value) }

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

// ErrOtherRegistry is the error of a chart whose values.yaml names another registry beside the repository that a candidate sets.
var ErrOtherRegistry = failure.New(failure.BadInput, "the chart would take the image from another registry")

// Values are what the files of a chart have for fields. They are functions, since most charts have few of them.
type Values struct {
	// Settable reports whether a field of values.yaml exists and can be changed.
	Settable func(path string) (bool, error)
	// Text is the value of a field of values.yaml; "" if it has none.
	Text func(path string) string
	// UsesAppVersion reports whether a template takes something from the chart's appVersion.
	UsesAppVersion func() bool
}

// Of is the name under which Fields name a value of an image: that of the first image has no prefix.
func (c *Config) Of(image int, value string) string {
	if image == 0 {
		return value
	}
	return c.Builder().Build.All()[image].Name + "/" + value
}

// FieldsOf returns the fields that a candidate sets: those of the configuration, or else the default. The values of images beside the
// first are named as Of does. Errors: ErrNoImageField, ErrOtherRegistry, and those of Settable.
func (c *Config) FieldsOf(v Values) (Fields, error) {
	fields := Fields{}
	for file, paths := range c.Chart.Fields {
		fields[file] = maps.Clone(paths)
	}
	if c.Chart.Fields == nil {
		fields["Chart.yaml"] = map[string]string{"version": ChartVersion, "appVersion": AppVersion}
		own := c.Chart.Version
		if own != nil && own.From == FromFile {
			delete(fields["Chart.yaml"], "version")
		}
		if own != nil && c.Builder() == nil {
			delete(fields["Chart.yaml"], "appVersion")
		}
	}
	if c.Builder() == nil {
		return fields, nil
	}
	images := c.Builder().Build.All()
	for i := range images {
		own, err := c.fieldsOfImage(v, i)
		if err != nil {
			return nil, err
		}
		for file, paths := range own {
			if fields[file] == nil {
				fields[file] = map[string]string{}
			}
			for p, value := range paths {
				if _, taken := fields[file][p]; taken {
					return nil, fmt.Errorf("%w: two images, or chart.scalars too, set %s of %s", ErrInvalid, p, file)
				}
				fields[file][p] = c.Of(i, value)
			}
		}
	}
	if err := c.checkDigests(fields["values.yaml"]); err != nil {
		return nil, err
	}
	return fields, c.checkRegistries(v, fields["values.yaml"])
}

// fieldsOfImage are the fields of an image that chart.scalars do not have.
func (c *Config) fieldsOfImage(v Values, at int) (Fields, error) {
	images := c.Builder().Build.All()
	img := images[at]
	if img.Fields != nil {
		return img.Fields, nil
	}
	if at == 0 && c.Chart.Fields != nil && (len(images) == 1 || c.Chart.Fields.nameImage()) {
		return nil, nil
	}
	places := []string{img.Name + ".image", img.Name}
	if at == 0 {
		places = append(places, "image")
	}
	if len(images) == 1 {
		places = []string{"image"}
	}
	var missing error
	for _, place := range places {
		found, err := v.find(place, img.Elsewhere())
		if err != nil {
			missing = err
			continue
		}
		return Fields{"values.yaml": found}, v.checkGlobalRegistry(img, found)
	}
	return nil, missing
}

// nameImage reports whether a field gets a value of an image.
func (f Fields) nameImage() bool {
	for _, paths := range f {
		for _, value := range paths {
			if OfImage(value) {
				return true
			}
		}
	}
	return false
}
