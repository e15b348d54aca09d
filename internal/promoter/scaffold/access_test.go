package scaffold

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

const (
	privateRepositories = `
name: shop
source: {git: https://github.com/o/shop.git}
charts: [{path: charts/api, version: {from: file}}, {path: charts/web}]
dependencies: {repositories: [{url: https://charts.example.com, user: u, password: {env: CHARTS_PASSWORD}}]}
stages:
  - {name: dev, build: {image: {repository: ghcr.io/o/shop, package: .}}}
  - {name: qa, candidate: {git: https://github.com/o/qa.git}, verify: {upgradeFrom: prod}}
  - {name: staging, verify: {upgradeFrom: charts}}
  - {name: prod, publish: {git: https://github.com/o/prod.git}}
  - {name: charts, publish: {oci: oci://ghcr.io/o/charts}}
`
	chartBesideItsCandidates = `
name: shop
source: {git: https://github.com/o/shop.git}
dependencies: {repositories: [{url: https://charts.example.com, user: u, password: {env: CHARTS_PASSWORD}}]}
stages:
  - {name: qa, candidate: {git: https://github.com/o/qa.git, path: shop}, verify: {}, key: {file: /srv/key}}
`
)

// environments are the variables of each step of GitHub's files that calls the tool, by its command.
func environments(t *testing.T, configuration string) map[string]map[string]string {
	t.Helper()
	files := filesFor(t, configuration, "github")
	found := map[string]map[string]string{}
	for _, f := range files {
		var doc struct {
			Jobs map[string]struct {
				Steps []struct {
					Run string
					Env map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(f.Content), &doc); err != nil {
			t.Fatalf("%v\n%s", err, f.Content)
		}
		for _, job := range doc.Jobs {
			for _, step := range job.Steps {
				if _, args, ok := strings.Cut(step.Run, "chart-promoter "); ok && !strings.Contains(step.Run, "go install") && !strings.Contains(step.Run, "go build") {
					words := strings.Fields(args)
					name := words[0]
					if i := slices.Index(words, "--stage"); i > 0 {
						name += " " + words[i+1]
					}
					found[name] = step.Env
				}
			}
		}
	}
	return found
}

func TestEachStepOnGitHubGetsTheSecretsOfWhatItReads(t *testing.T) {
	const token, onPush = "CHART_PROMOTER_GIT_TOKEN", "${{ github.event_name == 'push' && secrets.QA_TOKEN || '' }}"
	registry := []string{"CHART_PROMOTER_REGISTRY_PASSWORD", "CHART_PROMOTER_REGISTRY_USER"}
	got := environments(t, privateRepositories)
	for step, names := range map[string][]string{
		"build": append([]string{token}, registry...), "package": {"BASE", "CHARTS_PASSWORD"}, "bump": {"CHARTS_PASSWORD", token},
		"verify": {token, "QA_SIGNING_KEY"}, "verify staging": append(slices.Clone(registry), "QA_PUBLIC_KEY", "STAGING_SIGNING_KEY"),
	} {
		if d := cmp.Diff(names, slices.Sorted(maps.Keys(got[step]))); d != "" {
			t.Errorf("%s (-want +got):\n%s", step, d)
		}
	}
	// A pull request creates no candidate; the other steps belong to a job of accepted commits.
	for step, want := range map[string]string{"build": onPush, "bump": "${{ secrets.QA_TOKEN }}", "verify": "${{ secrets.PROD_READ_TOKEN }}"} {
		if got := got[step][token]; got != want {
			t.Errorf("%s has the token %q, want %q", step, got, want)
		}
	}
	// Only several charts are selected by their candidates.
	if env := environments(t, ownTags)["build"]; env[token] != "" || len(env) == 0 {
		t.Errorf("a build of one chart gets %v", env)
	}
	if env := environments(t, oneBuildOfSeveral)["build"]; env[token] != "" || len(env) == 0 {
		t.Errorf("a build of charts with versions from tags gets %v", env)
	}
	// What the candidates' repository has is packaged by verify.
	if env := environments(t, chartBesideItsCandidates)["verify"]; !maps.Equal(env, map[string]string{"CHARTS_PASSWORD": "${{ secrets.CHARTS_PASSWORD }}"}) {
		t.Errorf("verify gets %v", env)
	}
}

// The other engines give all variables to each job; the head of a file lists them.
func TestTheFilesOfAnEngineNameThePasswordsOfDependencies(t *testing.T) {
	for _, engine := range ci.Names() {
		for configuration, at := range map[string][]int{privateRepositories: {0}, chartBesideItsCandidates: {0, 1}} {
			files := filesFor(t, configuration, engine)
			for i, f := range files {
				head, _, _ := strings.Cut(f.Content, "\nos:")
				head, _, _ = strings.Cut(head, "\nname:")
				head, _, _ = strings.Cut(head, "\nstages:")
				if n := strings.Count(head, "CHARTS_PASSWORD"); (n == 1) != slices.Contains(at, i) || n > 1 {
					t.Errorf("%s: CHARTS_PASSWORD is named %d times at the head of\n%s", f.Path, n, f.Content)
				}
			}
		}
	}
}

func TestTheFilesOfAnEngineNameItsVariablesThatAreNoSecrets(t *testing.T) {
	for _, engine := range ci.Names() {
		files := filesFor(t, privateRepositories+"ci: {variables: [MIRROR], env: {A: b}}\n", engine)
		for _, f := range files {
			var doc struct{ Env any }
			if err := yaml.Unmarshal([]byte(f.Content), &doc); err != nil {
				t.Fatalf("%s: %v\n%s", f.Path, err, f.Content)
			}
			// GitHub hands them on; the other engines give them to all jobs by themselves.
			env, _ := doc.Env.(map[string]any)
			if handed := env["MIRROR"] == "${{ vars.MIRROR }}"; handed != (engine == "github") {
				t.Errorf("%s: handed on: %v, by %v", f.Path, handed, doc.Env)
			}
			if before, _, _ := strings.Cut(f.Content, "MIRROR"); !strings.HasPrefix(before[strings.LastIndex(before, "\n")+1:], "#") {
				t.Errorf("%s does not name the variable at its head:\n%s", f.Path, f.Content)
			}
		}
	}
}
