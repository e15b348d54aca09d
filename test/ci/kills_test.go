package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Each test that reads PUBLISH_KILLS is to run in the job that sets it.
func TestPublishersAreKilledOftenEveryNight(t *testing.T) {
	text, err := os.ReadFile(root + "/.github/workflows/nightly.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	job := w.Jobs["kills"]
	if len(job.Steps) == 0 || job.Env["PUBLISH_KILLS"] != "200" {
		t.Fatalf("the job is %+v", job)
	}
	command := strings.Fields(job.Steps[len(job.Steps)-1].Run)
	pattern := ""
	for i, argument := range command {
		if argument == "-run" {
			pattern = command[i+1]
		}
	}
	selected := regexp.MustCompile(pattern)
	files, err := filepath.Glob(filepath.Join(root, command[len(command)-1], "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", command[len(command)-1], err)
	}
	readers := 0
	for _, file := range files {
		source, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range strings.Split(string(source), "\nfunc ")[1:] {
			if name, _, _ := strings.Cut(function, "("); strings.Contains(function, `os.Getenv("PUBLISH_KILLS")`) {
				readers++
				if !selected.MatchString(name) {
					t.Errorf("%s is not selected by -run %s", name, pattern)
				}
			}
		}
	}
	if readers < 2 {
		t.Errorf("only %d tests read PUBLISH_KILLS", readers)
	}
}
