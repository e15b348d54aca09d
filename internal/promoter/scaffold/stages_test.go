package scaffold

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

const severalStages = `name: hello
source: {git: https://github.com/o/hello.git}
stages:
  - {name: qa, candidate: {git: https://github.com/o/qa.git}, verify: {}}
  - {name: staging, verify: {cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}}}
  - {name: load, verify: {test: {command: [load-test]}}}
  - {name: prod, publish: {git: https://github.com/o/prod.git}, guards: {minAge: 12h}}
`

func TestTheFilesOfAnEngineTestInAllStagesInTheirOrder(t *testing.T) {
	for _, engine := range ci.Names() {
		files := filesFor(t, severalStages, engine)
		qa := files[len(files)-1].Content
		var parsed any
		if err := yaml.Unmarshal([]byte(qa), &parsed); err != nil {
			t.Errorf("%s: %v\n%s", engine, err, qa)
		}
		at := 0
		for _, command := range []string{"--candidate .", "--stage staging", "--stage load", "--stage prod --skip-unreleased --skip-young"} {
			next := strings.Index(qa[at:], command)
			if next < 0 {
				t.Errorf("%s: no %q after the commands before it:\n%s", engine, command, qa)
				break
			}
			at += next
		}
		// The names of the secrets are in the comment at the top; GitHub hands each one to its step.
		for _, name := range []string{"QA_SIGNING_KEY", "STAGING_SIGNING_KEY", "STAGING_KUBECONFIG", "LOAD_SIGNING_KEY"} {
			if want := map[bool]int{true: 3, false: 1}[engine == "github"]; strings.Count(qa, name) < want {
				t.Errorf("%s: %s is named %d times, want %d:\n%s", engine, name, strings.Count(qa, name), want, qa)
			}
		}
	}
}

// On other hosts of GitHub a group has no queue: it would cancel all runs that wait but the last.
func TestOneJobAtATimeUsesAnExistingCluster(t *testing.T) {
	for engine, want := range map[string]string{
		"github": "concurrency:\n      group: cluster-of-staging\n      queue: max\n", "gitlab": "  resource_group: cluster-of-staging\n", "travis": "# Limit concurrent jobs to 1 there",
	} {
		for name, c := range map[string]struct {
			configuration string
			limited       bool
		}{
			"an existing cluster": {severalStages, true},
			"new clusters alone":  {strings.ReplaceAll(severalStages, "{cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}}", "{}"), false},
			"an older host":       {strings.ReplaceAll(severalStages, "https://github.com/o/qa.git", "https://github.example.com/o/qa.git"), engine != "github"},
		} {
			files := filesFor(t, c.configuration, engine)
			if qa := files[len(files)-1].Content; strings.Contains(qa, want) != c.limited {
				t.Errorf("%s, %s: has %q is not %t:\n%s", engine, name, want, c.limited, qa)
			}
		}
	}
}
