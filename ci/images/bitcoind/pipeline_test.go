package main

import (
	"maps"
	"os"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// A chart whose default no pipeline builds cannot be installed without a value.
func TestThePipelineBuildsTheImageThatTheChartNames(t *testing.T) {
	const root = "../../.."
	c, err := config.Load(root+"/ci/pipeline.yaml", root, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "/charts/bitcoin-controller/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		NodeImage struct{ Repository string } `json:"nodeImage"`
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	p, err := parsePins(pinsText)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range c.Builder().Build.All() {
		if image.Repository != values.NodeImage.Repository {
			continue
		}
		if image.Layout == nil || !slices.Equal(image.Layout.Command, []string{"go", "run", "./ci/images/bitcoind", "layout"}) {
			t.Errorf("the image is not built by this program: %+v", image.Layout)
		}
		if !slices.Equal(image.Platforms, p.platforms()) {
			t.Errorf("the pipeline builds for %v, and pinned are %v", image.Platforms, p.platforms())
		}
		// With the tag, which each commit changes, every release would restart all nodes.
		want := map[string]string{"nodeImage.repository": config.ImageRepository, "nodeImage.digest": config.ImageDigest}
		if got := image.Fields["values.yaml"]; !maps.Equal(got, want) {
			t.Errorf("the chart gets %v, want %v", got, want)
		}
		return
	}
	t.Errorf("no stage builds %s, the chart's nodeImage", values.NodeImage.Repository)
}
