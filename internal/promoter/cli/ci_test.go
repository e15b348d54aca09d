package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// call finds the commands of the tool in a CI file, however it is started.
var call = regexp.MustCompile(`(?:go run \./cmd/chart-promoter|(?:^|~/bin/|\./)chart-promoter) +([^&|;\n]+)`)

func TestEveryStepOfTheCIFilesIsACommandThatExists(t *testing.T) {
	t.Parallel()
	for _, engine := range ci.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			checkFile(t, ciFile(t, devPath(engine)), []string{"build", "package", "bump"})
			checkFile(t, ciFile(t, engine.QA.Path), []string{"verify", "promote"})
		})
	}
}

// devPath is the path of an engine's DEV file in this repository, which Travis builds.
func devPath(engine ci.Engine) string {
	if engine.Name == "travis" {
		return engine.Dev.Path
	}
	return engine.Dev.AsTemplate
}

// ciFile reads a file of this repository.
func ciFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkFile fails unless a CI file calls these commands, in this order, with valid arguments.
func checkFile(t *testing.T, data []byte, want []string) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, text := range scalars(&doc) {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			args := strings.Fields(m[1])
			if strings.HasPrefix(args[0], "./") || strings.HasPrefix(args[0], "-o") {
				continue
			}
			got = append(got, args[0])
			checkCall(t, args)
		}
		for _, secret := range []string{"TOKEN", "PASSWORD", "SIGNING_KEY"} {
			if strings.Contains(text, "echo") && strings.Contains(text, secret) {
				t.Errorf("%q prints a secret", text)
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("it calls %v, want %v", got, want)
	}
}

func checkCall(t *testing.T, args []string) {
	t.Helper()
	c, rest, err := (&app{}).root().Find(args)
	if err != nil || !c.Runnable() {
		t.Errorf("%v is no command: %v", args, err)
		return
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		t.Errorf("%v: %v", args, err)
	}
}

func scalars(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	var all []string
	for _, c := range n.Content {
		all = append(all, scalars(c)...)
	}
	return all
}

func TestTheTemplatesReadTheCommitFromAnyChart(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../ci/travis/qa.travis.yml")
	if err != nil {
		t.Fatal(err)
	}
	// The expression of the sed command, as the YAML reader and then the shell's double quotes leave it.
	var doc struct{ Install []string }
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	script := doc.Install[0]
	for chart, want := range map[string]string{
		"appVersion: 0123abc\n":                                "0123abc",
		"appVersion: \"1.2.0\"\n":                              "1.2.0",
		"version: 1\nappVersion: 'v1.2.0'  # comment":          "v1.2.0",
		"dependencies: [{appVersion: no}]\nappVersion:   v1\n": "v1",
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(dir+"/bitcoin-controller", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/bitcoin-controller/Chart.yaml", []byte(chart), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := shell(t, dir, script+"\nprintf %s \"$commit\""); got != want {
			t.Errorf("%q gives %q, want %q", chart, got, want)
		}
	}
}

// The exit code of a line such as eval "$(script)" is that of eval: a failure of the script would be lost, and the tests would run
// on a machine that is not ready.
func TestAPreparationThatFailsEndsTheBuild(t *testing.T) {
	t.Parallel()
	// How each engine runs a line.
	defaults := map[string][]string{"travis": {"bash", "-c"}, "gitlab": {"bash", "-eo", "pipefail", "-c"}, "github": {"bash", "-e", "-c"}}
	for _, engine := range ci.Engines {
		file, shells := engine.QA.Path, defaults[engine.Name]
		if shells == nil {
			t.Fatalf("the shell of %s is not in this test", engine.Name)
		}
		data := ciFile(t, file)
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		all, ran := scalars(&doc), 0
		for at, line := range all {
			if !strings.Contains(line, "machine.sh") {
				continue
			}
			if at+2 < len(all) && all[at+1] == "shell" { // GitHub's command for this shell
				shells = []string{all[at+2], "-eo", "pipefail", "-c"}
			}
			for status, works := range map[string]bool{"0": true, "1": false} {
				dir := t.TempDir()
				shell(t, dir, "mkdir -p source/scripts work && printf 'echo NODE_IMAGE=x; exit "+status+"' >source/scripts/machine.sh && chmod +x source/scripts/machine.sh && ln -s ../source work/source")
				cmd := exec.Command(shells[0], append(shells[1:], line)...)
				cmd.Dir, cmd.Env = dir+"/work", append(os.Environ(), "GITHUB_ENV="+dir+"/env")
				if out, err := cmd.CombinedOutput(); (err == nil) != works {
					t.Errorf("%s: with a script that ends with %s, %q ends with %v\n%s", file, status, line, err, out)
				}
				ran++
			}
		}
		if ran != 2 {
			t.Errorf("%s: %d lines were run", file, ran/2)
		}
	}
}

// Otherwise a pull request could publish itself, and a newer build would cancel a waiting release.
func TestTheQAFilesBuildCandidatesOnlyAndCancelNone(t *testing.T) {
	t.Parallel()
	var travis struct{ If string }
	var gitlab struct {
		Workflow struct {
			AutoCancel struct {
				OnNewCommit string `yaml:"on_new_commit"`
			} `yaml:"auto_cancel"`
		}
		Verify struct{ Rules []map[string]string }
	}
	for file, into := range map[string]any{"travis/qa.travis.yml": &travis, "gitlab/qa.gitlab-ci.yml": &gitlab} {
		data, err := os.ReadFile("../../../ci/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	if travis.If != "type = push AND branch = main" {
		t.Errorf("Travis builds when %q", travis.If)
	}
	if r := gitlab.Verify.Rules; len(r) != 1 || r[0]["if"] != `$CI_COMMIT_BRANCH == "main"` || gitlab.Workflow.AutoCancel.OnNewCommit != "none" {
		t.Errorf("GitLab: %+v", gitlab)
	}
}

// goWrapper replaces `go run` of the tool, whose source the repository of the test does not have; all else is the real go.
const goWrapper = `#!/bin/bash
if [ "$1 $2" = "run ./cmd/chart-promoter" ]; then
  shift 2
  args=; for a in "$@"; do args="$args,\"$a\""; done
  CHART_PROMOTER_TEST_ARGS="[${args#,}]" exec TOOL
fi
exec GO "$@"
`

// As Travis does, the test runs each line of a job's script in a shell, in a clone at the commit, with Travis' variables.
func TestTheLinesOfTheTravisFileTakeACommitToQA(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../.travis.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Jobs struct {
			Include []struct{ Script string }
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	p := newTestRepo(t)
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	wrapper := strings.NewReplacer("TOOL", os.Args[0], "GO", realGo).Replace(goWrapper)
	if err := os.WriteFile(bin+"/go", []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(shell(t, p.dir, "git update-ref refs/remotes/origin/main HEAD && git rev-parse HEAD"))
	env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "CI=true", "TRAVIS=true", "TRAVIS_COMMIT="+head, "TRAVIS_BRANCH=main",
		"TRAVIS_PULL_REQUEST=false", "TRAVIS_TAG=", "TRAVIS_SECURE_ENV_VARS=true", "TRAVIS_BUILD_WEB_URL=https://travis.example/builds/7")
	for k, v := range p.env {
		env = append(env, k+"="+v)
	}
	ran := 0
	for _, job := range file.Jobs.Include {
		if !strings.Contains(job.Script, "chart-promoter") {
			continue
		}
		cmd := exec.Command("bash", "-c", job.Script)
		cmd.Dir, cmd.Env = p.dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", job.Script, err, out)
		}
		ran++
	}
	if got := shell(t, p.env["QA"], "git show main:chart/Chart.yaml"); ran != 3 || !strings.Contains(got, head[:7]) {
		t.Errorf("after %d lines the candidate is\n%s", ran, got)
	}
}
