package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// What the demo does by `run`, CI does in as many calls: each step but the version, which each of them derives for itself.
func TestTheDemoAndCITakeTheSameSteps(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	cfg, err := config.Load("../../../ci/pipeline.yaml", "../../..", func(k string) string { return p.env[k] })
	if err != nil {
		t.Fatal(err)
	}
	var steps, calls []string
	for _, step := range step.Steps(cfg) {
		if step.Name() != "version" {
			steps = append(steps, strings.Join(step.Command(), " "))
		}
	}
	for _, path := range []string{"../../../.travis.yml", "../../../ci/travis/qa.travis.yml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		for _, text := range scalars(&doc) {
			for _, m := range call.FindAllStringSubmatch(text, -1) {
				args := where.ReplaceAllString(strings.TrimSpace(m[1]), "")
				// The charts of a pull request are checked with package, which is no step.
				if !strings.HasPrefix(args, "./") && !strings.HasPrefix(args, "package --since ") {
					calls = append(calls, args)
				}
			}
		}
	}
	if strings.Join(calls, "\n") != strings.Join(steps, "\n") {
		t.Errorf("CI calls %q, and the steps are %q", calls, steps)
	}
	demo, err := os.ReadFile("../../../scripts/demo.sh")
	if err != nil || !strings.Contains(string(demo), "promoter -o json run ") {
		t.Errorf("the demo does not run the steps: %v", err)
	}
}

// where is what a call needs to find its files, and is no part of the step.
var where = regexp.MustCompile(` --(config|candidate) \S+`)
