package config

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const pipelineYAML = `
name: hello
source: {git: "${ORIGIN}"}
chart:
  path: charts/hello
  scalars:
    Chart.yaml: {version: chartVersion, appVersion: appVersion}
    values.yaml: {image.repository: imageRepository, image.tag: imageTag, image.digest: imageDigest}
stages:
  - name: dev
    build:
      test: {command: [go, test, -json, ./...], format: go-json}
      image: {repository: "${HOST}/hello", package: ./cmd/hello, platforms: [linux/amd64, linux/arm64]}
  - name: qa
    candidate: {git: "${QA}"}
    verify:
      test: {command: [go, test, -json, ./...], format: go-json}
    key: {env: QA_KEY}
    publicKey: {env: QA_PUB}
  - name: prod
    publish: {git: "${PROD}"}
`

func none(string) string { return "" }

func TestTheRepositorysOwnPipelineIsValid(t *testing.T) {
	data, err := os.ReadFile("../../../ci/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(data, none)
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Stage("prod").Guards; g.Versions != "release" || !slices.Equal(g.VerifiedBy, Names{"qa"}) {
		t.Errorf("prod is guarded by %+v", g)
	}
	local, err := Parse(data, func(k string) string { return map[string]string{"QA_REPOSITORY": "/tmp/qa: x.git"}[k] })
	if err != nil || local.Stage("qa").Candidate.Git != "/tmp/qa: x.git" {
		t.Errorf("the environment does not replace the QA repository: %v", err)
	}
}

func TestDefaultsAreTheSafeOnes(t *testing.T) {
	w := map[string]string{"ORIGIN": "o", "QA": "q", "PROD": "p", "HOST": "h"}
	c, err := Parse([]byte(pipelineYAML), func(k string) string { return w[k] })
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Stage("prod").Guards; g == nil || g.Versions != "release" || !slices.Equal(g.VerifiedBy, Names{"qa"}) {
		t.Errorf("a stage without guards lets in %+v", g)
	}
	if got := c.Stage("qa").Candidate.Path; got != "hello" {
		t.Errorf("the candidate's path is %q, want the chart's name", got)
	}
	if got := c.Stage("qa").Verify.Test.Timeout; got != 0 {
		t.Errorf("the tests have the limit %s", time.Duration(got))
	}
}

func TestAnInvalidConfigurationIsExplained(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"a field that nobody reads":              {"publish:", "gards: {}\n    publish:", `unknown field "gards"`},
		"a misspelt field beside a variable":     {"candidate: {git:", "candidate: {brnch: x, git:", `unknown field "brnch"`},
		"a variable without a value":             {"${QA}", "${QA_IS_NOT_SET}", "QA_IS_NOT_SET is not set"},
		"a scalar that gets something unknown":   {"version: chartVersion", "version: chartversion", "chartversion"},
		"a duration without a unit":              {"test: {command: [go, test, -json, ./...], format: go-json}\n    key", "test: {command: [x], timeout: 5}\n    key", "not a duration"},
		"two targets in one stage":               {`publish: {git: "${PROD}"}`, "publish: {git: x, oci: y}", "exactly one"},
		"a page in a registry":                   {`publish: {git: "${PROD}"}`, "publish: {oci: y, page: true}", "no pages"},
		"a folder outside of the branch":         {`publish: {git: "${PROD}"}`, "publish: {git: x, path: ../docs}", "a path within the repository"},
		"a folder of git itself":                 {`publish: {git: "${PROD}"}`, "publish: {git: x, path: docs/.git/hooks}", "a path within the repository"},
		"a folder of a registry":                 {`publish: {git: "${PROD}"}`, "publish: {oci: y, path: docs}", "requires git"},
		"a guard for a stage that is not known":  {`publish: {git: "${PROD}"}`, "publish: {git: x}\n    guards: {verifiedBy: staging}", "staging"},
		"approvals that nobody can give":         {`publish: {git: "${PROD}"}`, "publish: {git: x}\n    guards: {approvals: 1}", "approverKeys"},
		"guards where nothing is published":      {"candidate: {git", "guards: {versions: any}\n    candidate: {git", "guards require publish"},
		"a chart outside of the repository":      {"path: charts/hello", "path: ../../etc", "is outside the repository"},
		"a variable that a shell would read":     {"name: hello", "name: hello\nci: {variables: [A-B]}", "not a valid variable name"},
		"a variable with two values":             {"name: hello", "name: hello\nci: {variables: [A], env: {A: b}}", "A is in env and in variables"},
		"an unknown version scheme":              {"name: hello", "name: hello\nversion: {scheme: calver}", "calver"},
		"a line of releases that is a word":      {"name: hello", "name: hello\nversion: {line: stable}", "version.line"},
		"a prefix that runs into the version":    {"name: hello", "name: hello\nversion: {tagPrefix: app1}", "tagPrefix"},
		"a name that no cluster can have":        {"name: hello", "name: Hello World", "lower case"},
		"two stages of one name":                 {"name: prod", "name: qa", "twice"},
		"candidates that nobody tests":           {"    verify:\n      test: {command: [go, test, -json, ./...], format: go-json}\n", "", "belong together"},
		"an image without a package":             {"package: ./cmd/hello,", "", "package"},
		"an unknown test format":                 {"format: go-json}\n    key", "format: tap}\n    key", "tap"},
		"a stage that does nothing":              {"    publish: {git: \"${PROD}\"}", "    key: {env: X}", "the stage has no steps"},
		"an unknown kind of version in a guard":  {`publish: {git: "${PROD}"}`, "publish: {git: x}\n    guards: {versions: tagged}", "tagged"},
		"an upgrade from a stage without charts": {"    verify:\n", "    verify:\n      upgradeFrom: dev\n", "upgradeFrom"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pipelineYAML, c.from, c.to, 1)
			if text == pipelineYAML {
				t.Fatal("the case changes nothing")
			}
			env := map[string]string{"ORIGIN": "o", "QA": "q", "PROD": "p", "HOST": "h"}
			_, err := Parse([]byte(text), func(k string) string { return env[k] })
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
	for _, text := range []string{"name: x\n", "", "  \n", "- a\n- b\n", "name: [", "\x00"} {
		if _, err := Parse([]byte(text), none); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pipelineYAML)
	f.Add("name: ${A:-b}$$")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Parse([]byte(text), func(string) string { return "x" }); err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%v is not ErrInvalid", err)
		}
	})
}

func TestImagesOfABuildAreCheckedTogether(t *testing.T) {
	t.Parallel()
	const one, two = "{repository: ghcr.io/team/api, package: ./cmd/api}", "{repository: ghcr.io/team/web, dockerfile: web/Dockerfile}"
	for name, c := range map[string]struct{ build, problem string }{
		"several images":                   {"{images: [" + one + ", " + two + "]}", ""},
		"one from elsewhere":               {"{image: {repository: ghcr.io/team/api, digest: '${API:-}'}}", ""},
		"a layout":                         {"{image: {repository: ghcr.io/team/api, layout: {command: [make, image]}}}", ""},
		"image and images":                 {"{image: " + one + ", images: [" + two + "]}", "both image and images"},
		"nothing":                          {"{}", "requires repository"},
		"two ways":                         {"{image: {repository: a, package: ./a, dockerfile: Dockerfile}}", "in one way"},
		"a digest of what is built":        {"{image: {repository: a, package: ./a, digest: 'sha256:" + strings.Repeat("a", 64) + "'}}", "digest"},
		"a digest that is none":            {"{image: {repository: a, digest: latest}}", "sha256:"},
		"a Dockerfile outside":             {"{image: {repository: a, dockerfile: ../Dockerfile}}", "within the source"},
		"two of one name":                  {"{images: [" + one + ", " + one + "]}", "occurs twice"},
		"a version as a field of an image": {"{image: {repository: a, package: ./a, scalars: {values.yaml: {x: appVersion}}}}", "chart.scalars"},
		"a field of no value":              {"{image: {repository: a, package: ./a, scalars: {values.yaml: {x: imageName}}}}", "imageRepository"},
		"flags of Go for a Dockerfile":     {"{image: {repository: a, dockerfile: D, ldflags: [-X]}}", "for an image with package"},
	} {
		text := strings.Replace(shortYAML, "{image: {repository: localhost/hello, package: ./cmd/hello}}", c.build, 1)
		_, err := Parse([]byte(text), none)
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %v, want %q", name, err, c.problem)
		}
	}
}
