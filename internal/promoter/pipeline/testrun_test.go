package pipeline

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func shell(script string, timeout time.Duration) config.Command {
	return config.Command{Command: []string{"sh", "-c", script}, Timeout: config.Duration(timeout)}
}

func session(t *testing.T) (*Session, *lines) {
	t.Helper()
	l := &lines{}
	return &Session{Config: &config.Config{Stages: []config.Stage{{Name: "qa", Key: config.Key{Env: "MY_SIGNING_KEY"}}}}, Work: t.TempDir(), Env: os.Getenv, Report: l, Now: time.Now}, l
}

// Named for a tool whose tests hang and whose logs never come.
func TestHangingLogs(t *testing.T) {
	s, l := session(t)
	pids := t.TempDir() + "/pids"
	// A child in the background, deaf to SIGTERM, that holds the output open: what a hanging test leaves behind.
	script := `sh -c 'trap "" TERM; echo $$ >>` + pids + `; echo child runs; while :; do sleep 0.05; done' & trap "" TERM; echo $$ >>` + pids + `; wait; while :; do sleep 0.05; done`
	_, err := s.runTests(t.Context(), shell(script, time.Second), t.TempDir(), nil)
	if !errors.Is(err, ErrHung) || failure.Of(err) != failure.TestFailed {
		t.Fatalf("got %v, want ErrHung", err)
	}
	if !strings.Contains(l.String(), "child runs") {
		t.Errorf("what the test printed is lost: %s", l)
	}
	data, _ := os.ReadFile(pids)
	if len(strings.Fields(string(data))) != 2 {
		t.Fatalf("the processes are %q, want two", data)
	}
	for _, f := range strings.Fields(string(data)) {
		pid, _ := strconv.Atoi(f)
		gone := func() bool {
			stat, err := os.ReadFile("/proc/" + f + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ") || syscall.Kill(pid, 0) != nil
		}
		for deadline := time.Now().Add(5 * time.Second); !gone(); {
			if time.Now().After(deadline) {
				t.Errorf("process %d lives on", pid)
				_ = syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

func TestACancelledRunIsNotAFailedTest(t *testing.T) {
	s, _ := session(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.runTests(ctx, shell("sleep 60", time.Minute), t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAFormatTheExitCodeIsTheTest(t *testing.T) {
	s, _ := session(t)
	if r, err := s.runTests(t.Context(), shell("echo fine", 0), t.TempDir(), nil); err != nil || r.Run != 1 || r.Passed != 1 {
		t.Errorf("exit 0: %+v %v", r, err)
	}
	r, err := s.runTests(t.Context(), shell("echo no; exit 3", 0), t.TempDir(), nil)
	if !errors.Is(err, ErrTest) || r.Failed != 1 || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("exit 3: %+v %v", r, err)
	}
	if _, err := s.runTests(t.Context(), config.Command{Command: []string{"/no/such/program"}}, t.TempDir(), nil); !errors.Is(err, ErrInput) {
		t.Errorf("a command that is not there: %v", err)
	}
}

func TestTestsGetNoKeyAndNoToken(t *testing.T) {
	s, l := session(t)
	for _, k := range []string{"MY_SIGNING_KEY", "CHART_PROMOTER_GIT_TOKEN", "CHART_PROMOTER_REGISTRY_PASSWORD", "CHART_PROMOTER_TRAVIS_TOKEN", "CHART_PROMOTER_APPROVER_KEY"} {
		t.Setenv(k, "s3cret-"+k)
	}
	t.Setenv("QA_ADDRESS", "https://bot:s3cret-qa@git.example.com/qa.git")
	s.Config.Stages[0].Candidate = &config.Candidate{Git: os.Getenv("QA_ADDRESS")}
	t.Setenv("SOURCE_PASSWORD", "s3cret/so@rce")
	t.Setenv("SOURCE_PASSWORD_IN_ADDRESS", "s3cret%2Fso%40rce")
	s.Config.Source.Git = "https://bot:s3cret%2Fso%40rce@git.example.com/source.git"
	t.Setenv("PROD_TOKEN", "s3cret-prod")
	s.Config.Stages = append(s.Config.Stages, config.Stage{Name: "prod", Publish: &config.Publish{Git: "https://s3cret-prod@git.example.com/prod.git"}})
	if _, err := s.runTests(t.Context(), shell("env; echo KUBE is $KUBECONFIG", 0), t.TempDir(), []string{"KUBECONFIG=/k"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(l.String(), "s3cret") || !strings.Contains(l.String(), "KUBE is /k") {
		t.Errorf("the tests see:\n%s", l)
	}
}

func TestGoTestsAreCountedOneByOne(t *testing.T) {
	s, _ := session(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.24\n",
		"x_test.go": `package x
import "testing"
func TestGood(t *testing.T) { t.Run("a part of it", func(t *testing.T) {}) }
func TestBad(t *testing.T) { t.Error("\x1b[31mred\x1b[0m & <angry>") }
func TestLeftOut(t *testing.T) { t.Skip("not here") }
`,
		"y/y_test.go": "package y\nimport \"testing\"\nfunc TestCrash(t *testing.T) { go func() { panic(\"boom\") }(); select {} }\n",
	} {
		if err := os.MkdirAll(dir+"/y", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.runTests(t.Context(), config.Command{Command: []string{"go", "test", "-json", "-p=1", "./..."}, Format: "go-json"}, dir, nil)
	if !errors.Is(err, ErrTest) {
		t.Fatalf("got %v, want ErrTest", err)
	}
	got := map[string]int{"run": r.Run, "passed": r.Passed, "failed": r.Failed, "skipped": r.Skipped}
	if d := cmp.Diff(map[string]int{"run": 3, "passed": 1, "failed": 2, "skipped": 1}, got); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if !strings.Contains(err.Error(), "2 failed (TestBad, TestCrash)") {
		t.Errorf("the sentence does not name the failed tests: %v", err)
	}
	recap := strings.Join(r.Recap(), "\n")
	for _, want := range []string{"TestBad failed:\n", "x_test.go:4: \x1b[31mred", "TestCrash failed:\n", "panic: boom"} {
		if !strings.Contains(recap, want) {
			t.Errorf("the recap lacks %q:\n%s", want, recap)
		}
	}
	xml, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`name="TestBad"`, "&amp; &lt;angry&gt;", "boom", `failures="1"`, `skipped="1"`, "not here"} {
		if !strings.Contains(string(xml), want) {
			t.Errorf("the JUnit file lacks %s:\n%s", want, xml)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want error
	}{
		"a pattern that meets no test":    {[]string{"-run=Nothing"}, ErrNoTests},
		"tests that are all skipped":      {[]string{"-run=LeftOut"}, ErrNoTests},
		"a package that does not compile": {[]string{"-tags=x", "./nowhere"}, ErrTest},
	} {
		cmd := config.Command{Command: append([]string{"go", "test", "-json", "."}, c.args...), Format: "go-json"}
		if _, err := s.runTests(t.Context(), cmd, dir, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestTwoRunsInOneDirectoryDoNotMixUpTheirPackages(t *testing.T) {
	s, _ := session(t)
	unlock, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(); !errors.Is(err, ErrBusy) || failure.Of(err) != failure.BadInput {
		t.Errorf("the second run: %v, want ErrBusy", err)
	}
	unlock()
	if unlock, err = s.Lock(); err != nil {
		t.Errorf("after the first is done: %v", err)
	} else {
		unlock()
	}
}

func TestAnAddressIsShownWithoutItsUser(t *testing.T) {
	for raw, want := range map[string]string{
		"https://bot:s3cret@host/x.git": "https://host/x.git", "https://bot:s3/cret@host/x.git": "https://host/x.git", "/srv/x.git": "/srv/x.git",
		"git@host:x.git": "git@host:x.git", "oci://host/charts": "oci://host/charts", "host/charts": "host/charts", "https://host": "https://host",
	} {
		if got := address(raw); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}
