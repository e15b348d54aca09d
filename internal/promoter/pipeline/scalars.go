package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// imageScalars is where most charts have their image: what `helm create` writes, and a digest beside it.
var imageScalars = []struct{ path, field string }{
	{"image.repository", "imageRepository"}, {"image.tag", "imageTag"}, {"image.digest", "imageDigest"},
}

// ScalarsOf is what a candidate sets in a chart with this values.yaml: what the configuration names, or else the versions
// in Chart.yaml and, when a stage builds an image, those of image.repository, image.tag and image.digest that are there.
// Without a place for the image the candidate would be tested with another one than was built: ErrPathNotFound.
func (c *Config) ScalarsOf(values []byte) (map[string]map[string]string, error) {
	if c.Chart.Scalars != nil {
		return c.Chart.Scalars, nil
	}
	scalars := map[string]map[string]string{"Chart.yaml": {"version": "chartVersion", "appVersion": "appVersion"}}
	if c.Builder() == nil {
		return scalars, nil
	}
	found, set := map[string]string{}, map[string]bool{}
	var missing []string
	for _, s := range imageScalars {
		switch err := chart.Settable(values, s.path); {
		case err == nil:
			found[s.path], set[s.field] = s.field, true
		case errors.Is(err, chart.ErrNotYAML):
			return nil, fmt.Errorf("values.yaml: %w", err)
		default:
			missing = append(missing, s.path)
		}
	}
	if !set["imageRepository"] || !set["imageTag"] && !set["imageDigest"] {
		return nil, fmt.Errorf("scalar %s in values.yaml: %w; the chart would run another image than the one that is built, so name in chart.scalars where its image stands", strings.Join(missing, ", "), chart.ErrPathNotFound)
	}
	scalars["values.yaml"] = found
	return scalars, nil
}
