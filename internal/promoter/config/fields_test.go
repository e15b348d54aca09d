package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

func TestDefaultScalarsTakeOnlyWhatTheChartHas(t *testing.T) {
	const tagless = "image: {repository: a}\n"
	all := map[string]string{"image.repository": "imageRepository", "image.tag": "imageTag", "image.digest": "imageDigest"}
	for name, c := range map[string]struct {
		scalars, values string
		build           bool
		image           map[string]string
		err             error
	}{
		"a chart with all three":                        {"", "image: {repository: a, tag: b, digest: c}\n", true, all, nil},
		"a chart as helm create makes it":               {"", "image:\n  repository: nginx\n  # none\n  tag: \"\"\n", true, map[string]string{"image.repository": "imageRepository", "image.tag": "imageTag"}, nil},
		"values that are null":                          {"", "image:\r\n  repository:\r\n  digest: ~\r\n", true, map[string]string{"image.repository": "imageRepository", "image.digest": "imageDigest"}, nil},
		"nothing that names the image's version":        {"", tagless + "x: {}\n", true, nil, ErrNoImageField},
		"a tag that the template takes from appVersion": {"", tagless, true, map[string]string{"image.repository": "imageRepository"}, nil},
		"a registry beside the repository":              {"", "image: {registry: ghcr.io, repository: a, tag: b}\n", true, map[string]string{"image.registry": "imageRegistry", "image.repository": "imagePath", "image.tag": "imageTag"}, nil},
		"a registry that is empty":                      {"", "image: {registry: '', repository: a, digest: b}\n", true, map[string]string{"image.registry": "imageRegistry", "image.repository": "imagePath", "image.digest": "imageDigest"}, nil},
		"a global registry that is empty":               {"", "global: {imageRegistry: ''}\nimage: {registry: ghcr.io, repository: a, tag: b}\n", true, map[string]string{"image.registry": "imageRegistry", "image.repository": "imagePath", "image.tag": "imageTag"}, nil},
		"a global registry that takes precedence":       {"", "global: {imageRegistry: mirror.example.com}\nimage: {registry: ghcr.io, repository: a, tag: b}\n", true, nil, ErrOtherRegistry},
		"a registry alone":                              {"", "image: {registry: ghcr.io, tag: b}\n", true, nil, ErrNoImageField},
		"a registry that the fields leave as it is":     {"values.yaml: {image.repository: imageRepository, image.tag: imageTag}", "image: {registry: ghcr.io, repository: a, tag: b}\n", true, nil, ErrOtherRegistry},
		"another registry before a path":                {"values.yaml: {image.repository: imagePath, image.tag: imageTag}", "image: {registry: ghcr.io, repository: a, tag: b}\n", true, nil, ErrOtherRegistry},
		"a tag of no repository":                        {"", "image: {tag: b, name: a}\n", true, nil, ErrNoImageField},
		"an image in one scalar":                        {"", "image: a:b\n", true, map[string]string{"image": "image"}, nil},
		"a tag that is no scalar":                       {"", "image: {repository: a, tag: [x]}\n", true, nil, ErrNoImageField},
		"an image that is an alias of another":          {"", "x: &i {repository: a, tag: b}\nimage: *i\n", true, nil, ErrNoImageField},
		"no values":                                     {"", "", true, nil, ErrNoImageField},
		"values that cannot be read":                    {"", "image: [\n", true, nil, chart.ErrNotYAML},
		"no program, and an image of others":            {"", "image: {repository: a, tag: b}\n", false, nil, nil},
		"no program and values that are no YAML":        {"", "{{ x }}", false, nil, nil},
		"what is named stays, whatever there is":        {"Chart.yaml: {version: chartVersion}", "image: {}\n", true, nil, nil},
		"nothing is to be set, and that is meant":       {" ", "image: {tag: x}\n", true, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text, want := withScalars(c.scalars, c.build)
			if c.image != nil {
				want["values.yaml"] = c.image
			}
			cfg, err := Parse([]byte(text), none)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cfg.FieldsOf(valuesOf(c.values, c.values == tagless))
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if c.err != nil {
				if !strings.Contains(err.Error(), "values.yaml") {
					t.Errorf("the error does not name the file: %v", err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("scalars (-want +got):\n%s", d)
			}
		})
	}
}

// withScalars is a configuration with these scalars, and the fields of Chart.yaml that it sets.
func withScalars(scalars string, build bool) (text string, fields Fields) {
	text = shortYAML
	if !build {
		text = strings.Replace(text, "  - name: dev\n    build: {image: {repository: localhost/hello, package: ./cmd/hello}}\n", "", 1)
	}
	if scalars == "" {
		return text, Fields{"Chart.yaml": map[string]string{"version": "chartVersion", "appVersion": "appVersion"}}
	}
	fields = Fields{}
	if strings.HasPrefix(scalars, "Chart") {
		fields["Chart.yaml"] = map[string]string{"version": "chartVersion"}
	}
	return strings.Replace(text, "path: charts/hello", "path: charts/hello, scalars: {"+scalars+"}", 1), fields
}

// valuesOf are the values of a chart.
func valuesOf(text string, appVersion bool) Values {
	return Values{
		Settable:       func(path string) (bool, error) { return chart.IsSettable([]byte(text), path) },
		Text:           func(path string) string { return chart.TextAt([]byte(text), path) },
		UsesAppVersion: func() bool { return appVersion },
	}
}

func TestAnImageThatTheChartDoesNotRunHasNoFields(t *testing.T) {
	const second = "{repository: localhost/tool, package: ./cmd/tool%s}"
	for scalars, want := range map[string]error{", scalars: {}": nil, "": ErrNoImageField} {
		text := strings.Replace(shortYAML, "build: {image: {repository: localhost/hello, package: ./cmd/hello}}",
			"build: {images: [{repository: localhost/hello, package: ./cmd/hello}, "+fmt.Sprintf(second, scalars)+"]}", 1)
		cfg, err := Parse([]byte(text), none)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := cfg.FieldsOf(valuesOf("image: {repository: a, tag: b}\n", false))
		if !errors.Is(err, want) || want == nil && len(fields["values.yaml"]) != 2 || want != nil && !strings.Contains(err.Error(), "scalars: {}") {
			t.Errorf("%q: %v, %v; want %v", scalars, fields, err, want)
		}
	}
}
