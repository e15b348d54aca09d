// Package ci tests the files that CI engines read.
package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// workflow is a workflow of GitHub Actions, as far as the project uses them. Other keys are errors.
type workflow struct {
	Name        string            `yaml:"name"`
	On          map[string]any    `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]string `yaml:"concurrency"`
	Jobs        map[string]job    `yaml:"jobs"`
}

type job struct {
	RunsOn  string            `yaml:"runs-on"`
	Timeout int               `yaml:"timeout-minutes"`
	Env     map[string]string `yaml:"env"`
	Steps   []step            `yaml:"steps"`
}

type step struct {
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Run  string            `yaml:"run"`
	If   string            `yaml:"if"`
}

// triggers are the events that start a workflow.
var triggers = map[string]bool{"push": true, "pull_request": true, "merge_group": true, "schedule": true, "workflow_dispatch": true}

// pinned is an action with its major version, or with a commit.
var pinned = regexp.MustCompile(`^[a-z-]+/[a-z-]+@(v[0-9]+|[0-9a-f]{40})$`)

func TestWorkflowsAreValidAndNeedNoRights(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yaml")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "secrets") {
				t.Error("it uses secrets")
			}
			decoder := yaml.NewDecoder(strings.NewReader(string(text)))
			decoder.KnownFields(true)
			var w workflow
			if err := decoder.Decode(&w); err != nil {
				t.Fatal(err)
			}
			if len(w.On) == 0 || len(w.Jobs) == 0 || len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
				t.Errorf("triggers %v, permissions %v, %d jobs", w.On, w.Permissions, len(w.Jobs))
			}
			for name := range w.On {
				if !triggers[name] {
					t.Errorf("%s starts no workflow", name)
				}
			}
			for name, j := range w.Jobs {
				checkJob(t, name, j)
			}
		})
	}
}

func checkJob(t *testing.T, name string, j job) {
	t.Helper()
	if j.RunsOn == "" || j.Timeout == 0 || len(j.Steps) == 0 {
		t.Errorf("job %s: runs on %q, at most %d minutes, %d steps", name, j.RunsOn, j.Timeout, len(j.Steps))
	}
	for i, s := range j.Steps {
		switch {
		case (s.Uses == "") == (s.Run == ""):
			t.Errorf("job %s, step %d: either an action or a command", name, i)
		case s.Uses != "" && !pinned.MatchString(s.Uses):
			t.Errorf("job %s: %s has no version", name, s.Uses)
		}
	}
}

// script is the call of a script in a CI file, with an option if any.
var script = regexp.MustCompile(`\bscripts/[a-z/.-]+\.sh( --[a-z]+)?`)

func TestEveryScriptThatCIRunsExists(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, file := range append(files, root+"/.travis.yml", root+"/.ci/run") {
		text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range script.FindAllString(string(text), -1) {
			calls++
			name, option, _ := strings.Cut(call, " ")
			info, err := os.Stat(filepath.Join(root, name))
			if err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s: %s is not a script that can be run: %v", file, name, err)
				continue
			}
			if source, err := os.ReadFile(filepath.Join(root, name)); err != nil || !strings.Contains(string(source), option) {
				t.Errorf("%s: %s has no option %s (%v)", file, name, option, err)
			}
		}
	}
	if calls < 8 {
		t.Errorf("only %d calls of scripts were found", calls)
	}
}
