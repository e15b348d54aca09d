package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// testPipeline is a testRepo with the keys and the cluster for all steps; the image of its tagged commit is built.
type testPipeline struct {
	*testRepo
	kubeconfig string
	api        *apiServer
	cfg        publish.Config
}

// targets are the three kinds of chart repository, as the configuration has them, with all of their pages.
var targets = map[string]string{
	"git": `{git: "${PROD}", page: true, statusPage: true}`, "directory": `{directory: "${PROD}", page: true, statusPage: true}`, "oci": `{oci: "${PROD}"}`,
}

// kept are the files of new pipelines, by target and tag: creating one takes seconds, copying it does not.
var (
	keptLock sync.Mutex
	kept     = map[[2]string]string{}
	keptDir  string
)

// shortLease is how long a run waits after another process was killed.
const shortLease = 10 * time.Second

// TestMain runs the program in place of the tests when a test starts it as a child process.
func TestMain(m *testing.M) {
	if list := os.Getenv("CHART_PROMOTER_TEST_ARGS"); list != "" {
		var args []string
		if err := json.Unmarshal([]byte(list), &args); err != nil {
			panic(err)
		}
		a := newApp(Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Getenv)
		a.lease.Duration = shortLease
		ctx, _ := Interruptible()
		os.Exit(a.main(ctx, args))
	}
	code := testtools.RunWithPrivateHome(m)
	_ = os.RemoveAll(keptDir)
	os.Exit(code)
}

func newTestPipeline(t *testing.T, target, tag string) *testPipeline {
	t.Helper()
	s, from := firstTestPipeline(t, target, tag)
	if s == nil {
		s = copyTestPipeline(t, target, from)
	}
	return s
}

// firstTestPipeline creates the first pipeline of a target and tag; later calls get the directory with its files.
func firstTestPipeline(t *testing.T, target, tag string) (created *testPipeline, from string) {
	t.Helper()
	keptLock.Lock()
	defer keptLock.Unlock()
	of := [2]string{target, tag}
	if from := kept[of]; from != "" {
		return nil, from
	}
	s := &testPipeline{testRepo: newTestRepo(t)}
	s.kubeconfig, s.api = newAPIServer(t)
	s.configure(strings.NewReplacer("[go, test, ./...]", `["true"]`, `{directory: "${PROD}"}`, targets[target]).Replace(pipelineYAML))
	s.write("chart/templates/NOTES.txt", "Installed.\n")
	shell(t, s.dir, commitAll+" && git tag "+tag)
	s.key()
	s.empty(target)
	s.must("build")
	kept[of] = s.keep()
	return s, ""
}

func copyTestPipeline(t *testing.T, target, from string) *testPipeline {
	t.Helper()
	s := &testPipeline{testRepo: emptyTestRepo(t, from+"/registry")}
	s.kubeconfig, s.api = newAPIServer(t)
	s.empty(target)
	shell(t, from, "cp -a source "+s.dir+" && cp -a work "+s.env["WORK"])
	// The registry has another address in each test.
	host, err := os.ReadFile(from + "/host")
	if err != nil {
		t.Fatal(err)
	}
	s.change(s.env["WORK"]+"/build.json", func(b []byte) []byte { return bytes.ReplaceAll(b, host, []byte(s.env["HOST"])) })
	s.readKey()
	return s
}

// keep copies the pipeline's files to a directory that outlives the test.
func (s *testPipeline) keep() string {
	s.t.Helper()
	if keptDir == "" {
		var err error
		if keptDir, err = os.MkdirTemp("", "pipelines"); err != nil {
			s.t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp(keptDir, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/host", []byte(s.env["HOST"]), 0o600); err != nil {
		s.t.Fatal(err)
	}
	shell(s.t, dir, "cp -a "+s.dir+" source && cp -a "+s.registry+" registry && cp -a "+s.env["WORK"]+" work")
	return dir
}

func (s *testPipeline) configure(text string) { s.write("ci/pipeline.yaml", text) }

// empty creates new, empty repositories for candidates and for the published chart, and a new work directory.
func (s *testPipeline) empty(target string) {
	s.t.Helper()
	base := s.t.TempDir()
	s.env["QA"], s.env["WORK"] = base+"/qa.git", base+"/work"
	shell(s.t, base, "git init -q --bare -b main qa.git && git init -q --bare -b main prod.git")
	switch target {
	case "git":
		s.env["PROD"] = base + "/prod.git"
		s.cfg = publish.Config{Git: s.env["PROD"], Branch: "main"}
	case "directory":
		s.env["PROD"] = base + "/prod"
		s.cfg = publish.Config{Directory: s.env["PROD"]}
	case "oci":
		s.env["PROD"] = s.env["HOST"] + "/" + filepath.Base(filepath.Dir(base)) + filepath.Base(base)
		s.env["PROD"] = strings.ToLower(s.env["PROD"])
		s.cfg = publish.Config{OCI: s.env["PROD"]}
	}
}

// args adds the arguments that all commands need.
func (s *testPipeline) args(args ...string) []string {
	args = append([]string{"--work-dir", s.env["WORK"]}, args...)
	if args[2] == "verify" || args[2] == "run" {
		args = append(args, "--kubeconfig", s.kubeconfig)
	}
	return args
}

func (s *testPipeline) run(args ...string) (code int, msg string) {
	s.t.Helper()
	code, _, msg = s.call(s.args(args...)...)
	return code, msg
}

func (s *testPipeline) must(args ...string) {
	s.t.Helper()
	if code, msg := s.run(args...); code != 0 {
		s.t.Fatalf("%s: exit %d\n%s", args, code, msg)
	}
}

// process is a command as a child process; see TestMain.
func (s *testPipeline) process(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	list, _ := json.Marshal(append([]string{"--config", s.dir + "/ci/pipeline.yaml"}, s.args(args...)...))
	cmd.Env = append(os.Environ(), "CHART_PROMOTER_TEST_ARGS="+string(list), "TMPDIR="+s.t.TempDir())
	// The CI engine that runs the tests is not that of the pipeline.
	cmd.Env = append(cmd.Env, "CI=", "TRAVIS=", "GITHUB_ACTIONS=", "GITLAB_CI=", "CHART_PROMOTER_PUSH=true")
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

func (s *testPipeline) target() publish.Target {
	s.t.Helper()
	target, err := publish.Open(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return target
}

// files are the files of a directory or git target, by path.
func (s *testPipeline) files() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	if s.cfg.OCI != "" {
		return all
	}
	dir := s.cfg.Directory
	if s.cfg.Git != "" {
		if _, err := exec.Command("git", "-C", s.cfg.Git, "rev-parse", "-q", "--verify", "refs/heads/main").Output(); err != nil {
			return all
		}
		dir = filepath.Join(s.t.TempDir(), "checkout")
		if _, err := gitrepo.Clone(s.t.Context(), s.cfg.Git, dir, gitrepo.CloneOptions{Branch: "main"}); err != nil {
			s.t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || strings.HasPrefix(rel, ".chart-promoter") {
			return err
		}
		data, err := os.ReadFile(path)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// times matches what depends on the time of a run: times in an index or a page, and the hash at the end of a page.
var times = regexp.MustCompile(`(created|generated): "[^"]*"|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:]+Z?)?|[0-9a-f]{64} -->`)

// state is everything that a run leaves, without the times of the run.
func (s *testPipeline) state() map[string]string {
	s.t.Helper()
	m := map[string]string{
		"candidates": shell(s.t, s.env["QA"], "git log --format=%s main && git rev-parse 'main^{tree}'"),
		"releases":   fmt.Sprint(s.api.secrets()),
	}
	for name, content := range s.files() {
		if !strings.HasSuffix(name, ".jsonl") { // the times of an attestation are within its signature
			m["prod/"+name] = times.ReplaceAllString(content, "$1")
		} else {
			m["prod/"+name] = fmt.Sprint(strings.Count(content, "\n"), " attestations")
		}
	}
	target := s.target()
	entries, err := target.List(s.t.Context(), "hello")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		attestations, err := target.Attestations(s.t.Context(), "hello", e.Version)
		if err != nil {
			s.t.Fatal(err)
		}
		var texts []string
		for _, r := range attestations {
			v, err := attest.Verify(r, []byte(s.env["QA_PUB"]))
			if errors.Is(err, attest.ErrWrongKind) {
				texts = append(texts, " another statement")
				continue
			}
			if err != nil {
				s.t.Fatal(err)
			}
			texts = append(texts, fmt.Sprintf(" %s %s %d/%d", v.PackageDigest, v.SourceCommit, v.Tests.Passed, v.Tests.Run))
		}
		slices.Sort(texts) // a registry keeps them in no order
		m["published "+e.Version] = e.Digest + strings.Join(texts, "")
	}
	return m
}

// everyEntryHasItsArchive must hold at every moment.
func (s *testPipeline) everyEntryHasItsArchive() {
	s.t.Helper()
	if s.cfg.Git != "" && strings.TrimSpace(shell(s.t, s.cfg.Git, "git for-each-ref refs/heads")) == "" {
		return
	}
	target := s.target()
	entries, err := target.List(s.t.Context(), "hello")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := target.Package(s.t.Context(), e.Name, e.Version); err != nil {
			s.t.Errorf("the index has %s: %v", e.Version, err)
		}
	}
}
