package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// scratch are the entries of the work directory that a command creates again each time and no other one reads.
var scratch = []string{"source", "source.git", "candidate", "lock", "logs"}

// everything is a hash of each file that any command may change: the source repository, candidates, published files, the
// registry, and the work directory.
func (s *testPipeline) everything() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for name, dir := range map[string]string{"source": s.dir, "candidates": s.env["QA"], "prod": s.env["PROD"], "registry": s.registry, "work": s.env["WORK"]} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(dir, path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case name == "work" && slices.Contains(scratch, strings.Split(rel, "/")[0]):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case name == "source" && rel == ".git/index": // git stores there when it last checked a file
				return nil
			}
			if !d.Type().IsRegular() {
				all[name+"/"+rel] = d.Type().String()
				return nil
			}
			data, err := os.ReadFile(path)
			sum := sha256.Sum256(data)
			all[name+"/"+rel] = hex.EncodeToString(sum[:])
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

// oneDocument fails unless out is one JSON document and nothing follows it.
func oneDocument(out string) error {
	d := json.NewDecoder(strings.NewReader(out))
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}

// commands are the full names of all commands that can be run.
func commands(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.HasSubCommands() {
			names = append(names, commands(sub)...)
		} else if sub.Name() != "help" {
			names = append(names, strings.TrimPrefix(sub.CommandPath(), "chart-promoter "))
		}
	}
	return names
}

// What a command does when it is no dry run; some need a real cluster for that.
const reads, changes, clusterOnly = "reads", "changes", "needs a real cluster"

// dryRun is a command, what it does without --dry-run, and its exit code.
type dryRun struct {
	args []string
	does string
	code int
}

// dryRuns are all commands but serve, in the order of a release.
func (s *testPipeline) dryRuns() []dryRun {
	return []dryRun{
		{[]string{"version"}, reads, 0},
		{[]string{"explain"}, reads, 0},
		{[]string{"list-changed"}, reads, 0},
		{[]string{"keygen", s.dir + "/dist/keys/new"}, changes, 0},
		{[]string{"build"}, changes, 0},
		{[]string{"package"}, changes, 0},
		{[]string{"bump"}, changes, 0},
		{[]string{"verify"}, changes, 0},
		{[]string{"approve", "--by", "alice", "--key", s.dir + "/dist/qa.key"}, changes, 0},
		{[]string{"promote"}, changes, 0},
		{[]string{"status", "--html", s.dir + "/status.html"}, changes, 0},
		{[]string{"builds", "o/n"}, reads, 0},
		{[]string{"yank", "hello", "1.1.0"}, changes, 0},
		{[]string{"release", "patch"}, changes, 0},
		{[]string{"run", "--skip-unit-tests"}, changes, 0},
		{[]string{"init", "--ci", "none", "--config", s.dir + "/ci/other.yaml", "--no-build", "--qa", "https://git.example.com/qa.git", "--prod", "https://git.example.com/prod.git"}, changes, 0},
		{[]string{"cluster", "create", "new"}, clusterOnly, 0},
		{[]string{"cluster", "load", "taken", "img"}, clusterOnly, 0},
		{[]string{"cluster", "delete", "taken"}, clusterOnly, 0},
		{[]string{"doctor"}, reads, 5}, // the public key is missing then
	}
}

// Each command runs first as a dry run, which changes nothing, and then without --dry-run, which changes something if the
// command does.
func TestEveryCommandHasADryRunThatChangesNothingAndAResultInJSON(t *testing.T) {
	s := newTestPipeline(t, "git", "v1.0.0")
	origin := filepath.Dir(s.dir) + "/origin.git"
	shell(t, s.dir, "git init -q --bare "+origin+" && git remote add origin "+origin)
	s.commit("more", "1")
	shell(t, s.dir, "git tag v1.1.0")
	s.env["CHART_PROMOTER_TRAVIS_API"], s.env["CHART_PROMOTER_TRAVIS_TOKEN"] = travisAPI(t), "s3cret"
	tested := []string{"serve"} // see TestServePrintsItsAddressesAsJSON
	for _, d := range s.dryRuns() {
		c, _, err := (&app{}).root().Find(d.args)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(c.CommandPath(), "chart-promoter ")
		tested = append(tested, name)
		t.Run(name, func(t *testing.T) {
			s.t = t
			switch name {
			case "release":
				s.commit("even more", "2")
				shell(t, s.dir, "git push -q origin HEAD:main")
			case "cluster create", "cluster load", "cluster delete":
				engine(t, oneCluster)
				t.Chdir(t.TempDir())
			case "doctor":
				delete(s.env, "QA_PUB")
			}
			s.check(d)
		})
	}
	s.t = t
	for _, name := range commands((&app{}).root()) {
		if !slices.Contains(tested, name) {
			t.Errorf("%s is not tested", name)
		}
	}
}

// check runs a command twice, first as a dry run.
func (s *testPipeline) check(d dryRun) {
	s.t.Helper()
	before := s.everything()
	s.json(d.code, append(slices.Clone(d.args), "--dry-run"))
	if diff := cmp.Diff(before, s.everything()); diff != "" {
		s.t.Errorf("the dry run changed something:\n%s", diff)
	}
	if d.does == clusterOnly {
		if entries, _ := os.ReadDir("."); len(entries) > 0 {
			s.t.Errorf("the dry run created %v", entries)
		}
		return
	}
	s.json(d.code, d.args)
	if changed := cmp.Diff(before, s.everything()) != ""; changed != (d.does == changes) {
		s.t.Errorf("without --dry-run it changes something: %t", changed)
	}
}

// json runs a command that must end with this exit code and one JSON document.
func (s *testPipeline) json(code int, args []string) {
	s.t.Helper()
	got, out, msg := s.call(s.args(append(args, "-o", "json")...)...)
	if err := oneDocument(out); got != code || err != nil {
		s.t.Fatalf("%v: exit %d, want %d; %v\n%s\n%s", args, got, code, err, out, msg)
	}
}

func TestASkippedStepHasAResult(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0-rc.1")
	s.must("bump")
	s.must("verify")
	code, out, msg := s.call(s.args("promote", "--skip-unreleased", "-o", "json")...)
	var result struct{ Skipped string }
	if err := json.Unmarshal([]byte(out), &result); err != nil || code != 0 || !strings.Contains(result.Skipped, "not a release") || !strings.Contains(msg, "nothing to do") {
		t.Errorf("exit %d, %v\n%s\n%s", code, err, out, msg)
	}
	if code, out, _ := s.call(s.args("promote", "--skip-unreleased")...); code != 0 || out != "" {
		t.Errorf("as text: exit %d, %s", code, out)
	}
	s.env["TRAVIS"], s.env["TRAVIS_PULL_REQUEST"] = "true", "7"
	if code, out, msg := s.call(s.args("bump", "-o", "json")...); code != 0 || oneDocument(out) != nil || !strings.Contains(out, "pull request") {
		t.Errorf("bump of a pull request: exit %d\n%s\n%s", code, out, msg)
	}
}

func TestServePrintsItsAddressesAsJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() {
		args := []string{"serve", "-o", "json", "--registry", dir + "/registry", "--charts", dir}
		code <- Main(ctx, args, Streams{In: strings.NewReader(""), Out: in, Err: io.Discard}, func(string) string { return "" })
		in.Close()
	}()
	d := json.NewDecoder(out)
	var where struct{ Registry, Charts string }
	if err := d.Decode(&where); err != nil || where.Charts != "http://"+where.Registry+"/charts" {
		t.Errorf("the result is %+v, %v", where, err)
	}
	cancel()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("something follows: %v", err)
	}
	if c := <-code; c != 0 {
		t.Errorf("exit %d", c)
	}
	if c := Main(t.Context(), []string{"serve", "--dry-run", "--registry", dir + "/other"}, Streams{Out: io.Discard, Err: io.Discard}, func(string) string { return "" }); c != 2 {
		t.Errorf("a dry run: exit %d", c)
	}
	if _, err := os.Stat(dir + "/other"); err == nil {
		t.Error("a dry run created the registry's directory")
	}
}

// Without a build a dry run reaches the candidate, whose commit exists only in a clone that is deleted.
func TestADryRunOfAllStepsWithoutABuild(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.reconfigure("  - name: dev\n    build:\n      image: {repository: \"${HOST}/hello\", package: ./cmd/hello, platforms: [linux/amd64]}\n", "")
	s.reconfigure("    values.yaml: {image.tag: imageTag}\n", "")
	shell(t, s.dir, commitAll+" && git tag -f v1.0.0")
	dry := func(want ...string) {
		t.Helper()
		before := s.everything()
		code, out, msg := s.call(s.args("run", "--dry-run", "-o", "json")...)
		var r step.RunResult
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
			t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, msg)
		}
		if diff := cmp.Diff(want, r.Skipped); diff != "" {
			t.Errorf("it skips:\n%s", diff)
		}
		if diff := cmp.Diff(before, s.everything()); diff != "" {
			t.Errorf("it changed something:\n%s", diff)
		}
	}
	dry("qa verify: a dry run pushes no candidate to package", "prod promote: no package was tested")
	s.must("bump")
	dry("prod promote: a dry run tests no package")
	s.must("run")
}
