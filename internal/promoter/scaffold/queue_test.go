package scaffold

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pushedByAQueue has two candidates that a merge queue pushes with a commit that is none and one that removes a chart.
const pushedByAQueue = `set -e
git init -q -b main . && git config user.name A && git config user.email a@example.com
mkdir .chart-promoter && echo 'Source-Commit: 0' >.chart-promoter/old.txt && git add -A && git commit -q -m start
for i in api web; do
  git checkout -q -b $i main && echo "Source-Commit: $i" >.chart-promoter/$i.txt && git add -A && git commit -q -m $i
  git checkout -q main && git merge -q --no-ff -m "Merge $i" $i
done
echo text >README.md && git add -A && git commit -q -m 'docs: text'
git rm -q .chart-promoter/old.txt && git commit -q -m 'old is gone'
`

// qaWorkflow is what GitHub's file for QA has for several candidates in one push.
type qaWorkflow struct {
	Jobs struct {
		Candidates struct{ Steps []struct{ Run string } }
		Verify     struct {
			Needs, If string
			Strategy  struct{ Matrix struct{ Candidate string } }
			Env       map[string]string
			Steps     []struct {
				With struct{ Ref, Name string }
			}
		}
	}
}

func readQAWorkflow(t *testing.T, configuration string) (qa qaWorkflow) {
	t.Helper()
	files := filesFor(t, configuration, "github")
	if err := yaml.Unmarshal([]byte(files[1].Content), &qa); err != nil {
		t.Fatal(err)
	}
	return qa
}

// bash runs a script as a step of GitHub with this shell.
func bash(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}

// GitHub starts one run for a push, however many candidates it has.
func TestGitHubFindsEachCandidateOfAPush(t *testing.T) {
	steps, dir := readQAWorkflow(t, severalWithPullRequests).Jobs.Candidates.Steps, t.TempDir()
	bash(t, dir, pushedByAQueue)
	end := bash(t, dir, "git rev-parse HEAD")
	const noCommit = "0000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		head, before string
		want         []string
	}{
		"a queue":           {end, end + "~4", []string{"Merge api", "Merge web"}},
		"no candidate":      {end, end + "~2", nil},
		"one merge":         {end + "~2", end + "~3", []string{"Merge web"}},
		"another history":   {end + "~2", noCommit, []string{"Merge web"}},
		"a branch's first":  {end + "~4", noCommit, []string{"start"}},
		"a rebase of two":   {"web", "main~4", []string{"Merge api", "web"}},
		"a removed history": {end + "~3", end, []string{"Merge api"}},
	} {
		bash(t, dir, "git checkout -q --detach "+c.head)
		before := c.before
		if before != noCommit {
			before = bash(t, dir, "git rev-parse "+before)
		}
		output := t.TempDir() + "/output"
		bash(t, dir, steps[len(steps)-1].Run, "BEFORE="+before, "GITHUB_OUTPUT="+output)
		text, _ := strings.CutPrefix(bash(t, dir, "cat "+output), "commits=")
		var commits, got []string
		if err := json.Unmarshal([]byte(text), &commits); err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
		for _, commit := range commits {
			got = append(got, bash(t, dir, "git log -1 --format=%s "+commit))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestGitHubTestsEachCandidateOfAPushInAJobOfItsOwn(t *testing.T) {
	v := readQAWorkflow(t, severalWithPullRequests).Jobs.Verify
	if v.Needs != "candidates" || !strings.Contains(v.If, "!= '[]'") || !strings.Contains(v.Strategy.Matrix.Candidate, "needs.candidates.outputs.commits") || v.Steps[0].With.Ref != "${{ matrix.candidate }}" {
		t.Errorf("the job of the tests does not run for each of them: %+v", v)
	}
	// The commit of an earlier candidate is not that of the build, and artifacts of one name would conflict.
	if last := v.Steps[len(v.Steps)-1].With.Name; v.Env["CHART_PROMOTER_PUSH"] != "true" || !strings.HasSuffix(last, "${{ matrix.candidate }}") {
		t.Errorf("the job's variables are %v, its artifact is %q", v.Env, last)
	}
	if v := readQAWorkflow(t, ownVersionWithPullRequests).Jobs.Verify; v.Needs != "" || v.Env != nil || v.Steps[len(v.Steps)-1].With.Name != "verification" {
		t.Errorf("a push has one candidate of one chart, and its job is %+v", v)
	}
}
