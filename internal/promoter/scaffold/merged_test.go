package scaffold

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

const severalWithPullRequests = `
name: charts
source: {git: https://github.com/team/charts.git}
charts: [{path: charts/api}, {path: charts/web}]
stages:
  - name: qa
    candidate: {git: https://github.com/team/qa.git, branch: main, pullRequest: {}}
    verify: {}
`

const ownVersionWithPullRequests = `
name: api
source: {git: https://github.com/team/charts.git}
chart: {path: charts/api, version: {tagPrefix: chart-}}
stages:
  - name: qa
    candidate: {git: https://github.com/team/qa.git, branch: main, path: charts/api, pullRequest: {}}
    verify: {}
`

// The repository has a candidate of web, and then a merge of one of api.
const mergedCandidates = `set -e
git init -q -b main . && git config user.name A && git config user.email a@example.com
mkdir -p .chart-promoter/charts
git commit -q --allow-empty -m start && git checkout -q -b proposed
echo 'Source-Commit: aaaa' >".chart-promoter/$TRAILERS" && git add -A && git commit -q -m api
git checkout -q main && mkdir -p .chart-promoter
echo 'Source-Commit: bbbb' >.chart-promoter/web.txt && git add -A && git commit -q -m web
git merge -q --no-ff -m 'Merge pull request' proposed
git clone -q --depth 2 "file://$PWD" clone
`

func TestCIFindsTheSourceOfAMergedCandidate(t *testing.T) {
	for file, text := range map[string]string{"api.txt": severalWithPullRequests, "charts/api.txt": ownVersionWithPullRequests} {
		c := configured(t, text)
		v, err := newView(c, config.DefaultFile)
		if err != nil {
			t.Fatal(err)
		}
		for _, engine := range []string{"github", "gitlab", "travis"} {
			list, err := CI(c, config.DefaultFile, engine, false)
			if err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{true: v.CommitOutput, false: v.Commit}[engine == "github"]
			if qa := list[1].Content; !strings.Contains(qa, want) || strings.Contains(qa, "fetch-depth: 2") != (engine == "github" && v.Depth == 2) {
				t.Errorf("%s, %s: no %q, or another depth than %d:\n%s", file, engine, want, v.Depth, qa)
			}
		}
		dir := t.TempDir()
		for script, want := range map[string]string{v.Commit: "aaaa\n", v.CommitOutput: "commit=aaaa\n"} {
			prepare := exec.Command("sh", "-c", "[ -d clone ] || { "+mergedCandidates+"}")
			prepare.Dir, prepare.Env = dir, append(os.Environ(), "TRAILERS="+file)
			if out, err := prepare.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			c := exec.Command("sh", "-c", script)
			c.Dir = dir + "/clone"
			if out, err := c.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("%s: %s prints %q, %v; want %q", file, script, out, err, want)
			}
		}
	}
}
