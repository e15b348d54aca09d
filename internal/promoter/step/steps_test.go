package step

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

func none(string) string { return "" }

// shortYAML is as little as one can write, and what `init` writes.
const shortYAML = `name: hello
source: {git: /origin.git}
chart: {path: charts/hello}
stages:
  - name: dev
    build: {image: {repository: localhost/hello, package: ./cmd/hello}}
  - name: pre-prod
    candidate: {git: /qa.git}
    verify: {}
  - name: prod
    publish: {git: /prod.git}
`

func TestTheRepositorysOwnPipelineHasTheseSteps(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../ci/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(data, none)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range Steps(c) {
		steps = append(steps, s.Stage()+" "+s.Name())
	}
	if d := cmp.Diff([]string{"dev version", "dev build", "qa bump", "qa verify", "prod promote"}, steps); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
}

func TestAChartWithoutAProgramNeedsNoBuildStage(t *testing.T) {
	t.Parallel()
	text := "name: hello\nchart:\n  scalars: {Chart.yaml: {version: chartVersion, appVersion: appVersion}}\nstages:\n" +
		"  - name: qa\n    candidate: {git: /qa.git}\n    verify: {test: {command: [true]}}\n  - name: prod\n    publish: {directory: /prod}\n"
	c, err := config.Parse([]byte(text), none)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range Steps(c) {
		steps = append(steps, s.Name())
	}
	if got := strings.Join(steps, " "); got != "version bump verify promote" {
		t.Errorf("steps: %s", got)
	}
}

func TestAShortConfigurationIsEnoughForTheSteps(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(shortYAML), none)
	if err != nil {
		t.Fatal(err)
	}
	tester := c.Tester()
	if got := strings.Join(testrun.SecretsOf(c).Withhold([]string{"PRE_PROD_SIGNING_KEY=x", "A=b"}), " "); got != "A=b" {
		t.Errorf("tests get %s", got)
	}
	if got := (verifyStep{tester}).tests(); got != "the chart's own tests" {
		t.Errorf("candidates are tested by %s", got)
	}
	if _, err := (&Project{Config: c, Env: none}).Keys().Read(tester.Key); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "PRE_PROD_SIGNING_KEY") {
		t.Errorf("without a key: %v", err)
	}
}

func TestACandidateIsCreatedWithoutAnyScalarBeingNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := strings.NewReplacer("/origin.git", w.origin, "/qa.git", w.qa, "/prod.git", w.prod, "localhost/hello", w.host+"/hello").Replace(shortYAML)
	cfg, err := config.Parse([]byte(text), none)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Root, w.p.Config = w.source.Dir, cfg
	img := w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("repository: example.com/hello", "repository: "+img.Repository, `tag: ""`, `tag: "`+img.Tag+`"`, "digest: ''", "digest: '"+img.Digest+"'").Replace(valuesYAML)
	if d := cmp.Diff(want, w.candidate("hello/values.yaml")); d != "" {
		t.Errorf("values.yaml (-want +got):\n%s", d)
	}
	w.write("charts/hello/values.yaml", "image: {repository: x}\n")
	w.commit("no tag")
	w.built()
	if _, err := Bump(t.Context(), w.p); !errors.Is(err, config.ErrNoImageField) || len(w.candidates()) != 1 {
		t.Errorf("a chart that would run another image: %v, and %d candidates", err, len(w.candidates()))
	}
}

func TestKindsOfConfigurationErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{config.ErrInvalid, config.ErrNoImageField, chart.ErrNotYAML} {
		if kind := failure.Of(fmt.Errorf("x: %w", err)); kind != failure.BadInput {
			t.Errorf("the kind of %v is %s", err, kind)
		}
	}
}

func TestAnAddressIsShownWithoutItsUser(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://bot:s3cret@host/x.git": "https://host/x.git", "https://bot:s3/cret@host/x.git": "https://host/x.git", "/srv/x.git": "/srv/x.git",
		"git@host:x.git": "git@host:x.git", "oci://host/charts": "oci://host/charts", "host/charts": "host/charts", "https://host": "https://host",
	} {
		if got := repositoryAddress(raw); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}
