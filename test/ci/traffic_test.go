package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The job runs the test that reads TRAFFIC_TIME, which the pipeline chooses by RUN_TESTS.
func TestTrafficRunsForTenMinutesEveryNight(t *testing.T) {
	text, err := os.ReadFile(root + "/.github/workflows/nightly.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	job := w.Jobs["traffic"]
	if len(job.Steps) == 0 || job.Env["TRAFFIC_TIME"] != "10m" || job.Env["RUN_TESTS"] == "" || job.Steps[len(job.Steps)-1].Run != "scripts/test.sh --cluster" {
		t.Fatalf("the job is %+v", job)
	}
	pipeline, err := os.ReadFile(root + "/ci/pipeline.yaml")
	if err != nil || !strings.Contains(string(pipeline), "-run=${RUN_TESTS:-}") {
		t.Errorf("the pipeline does not read RUN_TESTS (%v)", err)
	}
	tests, err := os.ReadFile(filepath.Join(root, "test/network/plugin_traffic_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	reads := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{\n(?:\t.*\n)*?\tduration := trafficTime\(t\)`).FindSubmatch(tests)
	if reads == nil || !regexp.MustCompile(job.Env["RUN_TESTS"]).Match(reads[1]) {
		t.Errorf("%s selects no test that reads the time, but %q", job.Env["RUN_TESTS"], reads)
	}
}
