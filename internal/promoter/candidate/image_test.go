package candidate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// packaged is a chart with these values, packaged.
func packaged(t *testing.T, values string) *chart.Package {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: hello\nversion: 1.1.0\nappVersion: v1.1.0\n", "values.yaml": values} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pkg, err := chart.Pack(dir)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// A package that was published with an earlier chart.scalars is upgraded nevertheless: only its image is not loaded into the nodes. A
// candidate without these fields would be tested with another image than the one that was built.
func TestAMissingImageIsAnErrorOfACandidateOnly(t *testing.T) {
	for name, c := range map[string]struct {
		values, repository, tag string
		image                   string // empty: it is not found
	}{
		"where it is configured":     {"image: {repository: example.com/a, tag: v1}\n", "image.repository", "image.tag", "example.com/a:v1"},
		"in a list":                  {"containers: [{repository: example.com/a, tag: v1}]\n", "containers[0].repository", "containers[0].tag", "example.com/a:v1"},
		"below a key with a dot":     {"a.b: {repository: example.com/a, tag: v1}\n", `a\.b.repository`, `a\.b.tag`, "example.com/a:v1"},
		"nowhere":                    {"other: {}\n", "image.repository", "image.tag", ""},
		"without a tag":              {"image: {repository: example.com/a}\n", "image.repository", "image.tag", ""},
		"with a tag that is null":    {"image: {repository: example.com/a, tag: }\n", "image.repository", "image.tag", ""},
		"without a configured field": {"other: {}\n", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &config.Config{Stages: []config.Stage{{Build: &config.Build{}}}}
			if c.repository != "" {
				cfg.Chart.Fields = config.Fields{"values.yaml": {c.repository: config.ImageRepository, c.tag: config.ImageTag}}
			}
			pkg := packaged(t, c.values)
			old, err := Read(pkg.Bytes, cfg)
			if err != nil || old.Image() != c.image {
				t.Errorf("a published package: %+v, %v, want the image %q", old, err, c.image)
			}
			mine := &Candidate{Package: pkg}
			err = mine.findImage(cfg, true)
			if (errors.Is(err, chart.ErrPathNotFound) || errors.Is(err, config.ErrNoImageField)) != (c.image == "") || mine.Image() != c.image {
				t.Errorf("a candidate: %q, %v, want the image %q", mine.Image(), err, c.image)
			}
		})
	}
}
