package scaffold

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

const (
	oneBuildOfSeveral = `
name: shop
source: {git: https://github.com/o/shop.git}
charts:
  - {path: charts/api, build: {image: {repository: ghcr.io/o/api, package: ./cmd/api}}}
  - {path: charts/web, version: {tagPrefix: web/}}
stages:
  - {name: qa, candidate: {git: https://github.com/o/qa.git}, verify: {}}
`
	ownTags = `
name: server
source: {git: https://github.com/o/server.git}
chart: {path: charts/server, version: {tagPrefix: helm-chart-}}
stages:
  - {name: dev, build: {image: {repository: ghcr.io/o/server, package: .}}}
  - {name: qa, candidate: {git: https://github.com/o/qa.git}, verify: {}}
`
)

func devFile(t *testing.T, configuration, engine string) string {
	t.Helper()
	files := filesFor(t, configuration, engine)
	var doc any
	if err := yaml.Unmarshal([]byte(files[0].Content), &doc); err != nil {
		t.Fatalf("%s: %v\n%s", engine, err, files[0].Content)
	}
	return files[0].Content
}

func TestAPullRequestChecksEachChartThatHasADirectory(t *testing.T) {
	for name, c := range map[string]struct {
		configuration string
		packages      bool
	}{
		"one chart of several has a build": {oneBuildOfSeveral, true},
		"a chart with a build":             {ownTags, true},
		"the candidates hold the chart":    {severalStages, false},
	} {
		for _, engine := range ci.Names() {
			dev := devFile(t, c.configuration, engine)
			if strings.Contains(dev, " package --since ") != c.packages {
				t.Errorf("%s, %s: checked: %v, want %v:\n%s", name, engine, !c.packages, c.packages, dev)
			}
		}
	}
}

func TestTravisBuildsTheTagsOfAllCharts(t *testing.T) {
	for configuration, tags := range map[string]map[string]bool{
		oneBuildOfSeveral: {"api-1.4.0": true, "web/v2.0.0-rc.1": true, "v1.2.3": true, "other-1.0.0": false, "api-next": false},
		ownTags:           {"helm-chart-3.14.0": true, "v0.9.1": true, "chart-1.0.0": false},
		severalStages:     {"v1.2.3": true, "api-1.4.0": false},
	} {
		var file struct{ Branches struct{ Only []string } }
		if err := yaml.Unmarshal([]byte(devFile(t, configuration, "travis")), &file); err != nil {
			t.Fatal(err)
		}
		for tag, want := range tags {
			built := false
			for _, p := range file.Branches.Only {
				if text, ok := strings.CutPrefix(p, "/"); ok {
					text = strings.ReplaceAll(strings.TrimSuffix(text, "/"), `\/`, "/")
					built = built || regexp.MustCompile(text).MatchString(tag)
				}
			}
			if built != want {
				t.Errorf("%s is built: %v, want %v, with %q", tag, built, want, file.Branches.Only)
			}
		}
	}
}

func TestOneCommitOfSeveralCandidatesIsTestedOnlyIfTheyAreOfOneSource(t *testing.T) {
	c := configured(t, severalWithPullRequests)
	v, err := newView(c, config.DefaultFile)
	if err != nil {
		t.Fatal(err)
	}
	const candidates = `set -e
git init -q -b main . && git config user.name A && git config user.email a@example.com
git commit -q --allow-empty -m start && mkdir .chart-promoter
for i in api web; do echo "Source-Commit: $SOURCE$i" | sed 's/same.*/same/' >.chart-promoter/$i.txt; done
git add -A && git commit -q -m both
`
	for source, want := range map[string]string{"same": "same\n", "other": ""} {
		for script, prefix := range map[string]string{v.Commit: "", v.CommitOutput: "commit="} {
			cmd := exec.Command("sh", "-ec", "SOURCE="+source+"\n"+candidates+script)
			cmd.Dir = t.TempDir()
			out, err := cmd.Output()
			if (err == nil) != (want != "") || err == nil && string(out) != prefix+want {
				t.Errorf("%s: %s prints %q, %v", source, script, out, err)
			}
			if exit, ok := errors.AsType[*exec.ExitError](err); ok && !strings.Contains(string(exit.Stderr), "merge one pull request at a time") {
				t.Errorf("%s: it ends with %q", source, exit.Stderr)
			}
		}
	}
}
