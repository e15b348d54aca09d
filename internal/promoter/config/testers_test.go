package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const stagesYAML = `name: hello
source: {git: /origin.git}
stages:
  - name: qa
    candidate: {git: /qa.git}
    verify: {}
  - name: edge
    publish: {git: /edge.git}
  - name: staging
    verify: {cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}}
  - name: load
    verify: {test: {command: [load-test]}}
  - name: prod
    publish: {git: /prod.git}
    guards: {minAge: 12h}
`

func TestSeveralStagesTest(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(stagesYAML), none)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Testers() {
		names = append(names, s.Name, s.Key.Env, s.Verify.Install.Release)
	}
	want := []string{"qa", "QA_SIGNING_KEY", "hello", "staging", "STAGING_SIGNING_KEY", "hello", "load", "LOAD_SIGNING_KEY", "hello"}
	if d := cmp.Diff(want, names); d != "" || c.Tester().Name != "qa" {
		t.Errorf("testers (-want +got):\n%s", d)
	}
	for stage, want := range map[string][]string{"edge": {"qa"}, "prod": {"qa", "staging", "load"}} {
		if d := cmp.Diff(want, c.Stage(stage).Guards.Verifiers()); d != "" {
			t.Errorf("%s requires (-want +got):\n%s", stage, d)
		}
	}
	before, err := Parse([]byte(strings.Replace(stagesYAML, "stages:\n", "stages:\n  - name: early\n    publish: {git: /early.git}\n", 1)), none)
	if err != nil || len(before.Stage("early").Guards.Verifiers()) != 3 {
		t.Errorf("a stage before all tests requires %v, %v", before.Stage("early").Guards.Verifiers(), err)
	}
}

func TestVerifiedByIsOneNameOrAList(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		names []string
		words string
	}{
		"verifiedBy: staging":          {[]string{"staging"}, ""},
		"verifiedBy: [qa, staging]":    {[]string{"qa", "staging"}, ""},
		"verifiedBy: none, minAge: 0s": {nil, ""},
		"verifiedBy: ":                 {[]string{"qa", "staging", "load"}, ""},
		"verifiedBy: []":               {nil, "the list of names is empty"},
		"verifiedBy: [qa, \"\"]":       {nil, "the list of names is empty, or one of its names"},
		"verifiedBy: {qa: true}":       {nil, "write one name or a list of names"},
		"verifiedBy: [[qa]]":           {nil, "write one name or a list of names"},
		"verifiedBy: [qa, none]":       {nil, `no testing stage "none"`},
		"verifiedBy: [qa, edge]":       {nil, `no testing stage "edge"`},
		"verifiedBy: none, minAge: 1h": {nil, "guards.minAge requires verifiedBy"},
		"minAge: soon":                 {nil, "is not a duration"},
	} {
		c, err := Parse([]byte(strings.Replace(stagesYAML, "minAge: 12h", text, 1)), none)
		if want.words != "" {
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want.words) {
				t.Errorf("%s: %v, want %q", text, err, want.words)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want.names, c.Stage("prod").Guards.Verifiers()); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

func TestTheFirstStageThatTestsMakesThePackage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, words string }{
		"no stage with candidate":              {"    candidate: {git: /qa.git}\n", "", "add candidate to the first stage that has verify"},
		"it comes later":                       {"stages:\n", "stages:\n  - {name: first, verify: {}}\n", "comes after it; put qa first"},
		"a second one":                         {"    verify: {test:", "    candidate: {git: /x.git}\n    verify: {test:", "2 have candidate"},
		"a new cluster beside an existing one": {"kubeconfig: {env: STAGING_KUBECONFIG}", "kubeconfig: {env: X}, nodeImage: y", "are for a new one"},
		"a stage without anything":             {"    verify: {test: {command: [load-test]}}\n", "", "the stage has no steps"},
	} {
		if _, err := Parse([]byte(strings.Replace(stagesYAML, c.from, c.to, 1)), none); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}

func TestFilesOfABuildAreWithinTheSource(t *testing.T) {
	t.Parallel()
	for files, words := range map[string]string{
		`{paths: ["out/*.tgz", LICENSE]}`:                "",
		`{command: {command: [make]}, paths: ["out/*"]}`: "",
		`{}`:                                   "build.files requires paths",
		`{paths: ["../x"]}`:                    "is not a pattern of files in the source",
		`{paths: [/etc/passwd]}`:               "is not a pattern of files in the source",
		`{paths: ["a["]}`:                      "is not a pattern of files in the source",
		`{paths: [""]}`:                        "is not a pattern of files in the source",
		`{command: {timeout: 1m}, paths: [x]}`: "build.files.command: no command is set",
	} {
		c, err := Parse([]byte(strings.Replace(shortYAML, "build: {image:", "build: {files: "+files+", image:", 1)), none)
		if (words == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", files, err, words)
		}
		if err == nil && c.Builder().Build.FilesRepository() != "localhost/hello" {
			t.Errorf("they go to %s", c.Builder().Build.FilesRepository())
		}
	}
}
