package testrun

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func shell(script string, timeout time.Duration) config.Command {
	return config.Command{Command: []string{"sh", "-c", script}, Timeout: config.Duration(timeout)}
}

func runner(t *testing.T) (Runner, *testtools.Lines) {
	t.Helper()
	l := &testtools.Lines{}
	return Runner{Work: workdir.Dir(t.TempDir()), Report: l}, l
}

// Named for a tool whose tests hang and whose logs never come.
func TestHangingLogs(t *testing.T) {
	run, l := runner(t)
	run.grace = time.Second
	pids := t.TempDir() + "/pids"
	// A child in the background, deaf to SIGTERM, that holds the output open: what a hanging test leaves behind.
	script := `sh -c 'trap "" TERM; echo $$ >>` + pids + `; echo child runs; while :; do sleep 0.05; done' & trap "" TERM; echo $$ >>` + pids + `; wait; while :; do sleep 0.05; done`
	_, err := run.Command(t.Context(), shell(script, 5*time.Second), t.TempDir(), nil)
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
		for deadline := time.Now().Add(30 * time.Second); !gone(); {
			if time.Now().After(deadline) {
				t.Errorf("process %d lives on", pid)
				_ = syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

func TestACancelledRunIsNotAFailedTest(t *testing.T) {
	run, _ := runner(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Command(ctx, shell("sleep 60", time.Minute), t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAFormatTheExitCodeIsTheTest(t *testing.T) {
	run, _ := runner(t)
	if r, err := run.Command(t.Context(), shell("echo fine", 0), t.TempDir(), nil); err != nil || r.Run != 1 || r.Passed != 1 {
		t.Errorf("exit 0: %+v %v", r, err)
	}
	r, err := run.Command(t.Context(), shell("echo no; exit 3", 0), t.TempDir(), nil)
	if !errors.Is(err, ErrFailed) || r.Failed != 1 || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("exit 3: %+v %v", r, err)
	}
	if _, err := run.Command(t.Context(), config.Command{Command: []string{"/no/such/program"}}, t.TempDir(), nil); !errors.Is(err, failure.ErrInput) {
		t.Errorf("a command that does not exist: %v", err)
	}
}

func TestTestsGetNoKeyAndNoToken(t *testing.T) {
	run, l := runner(t)
	for _, k := range []string{"MY_SIGNING_KEY", "CHART_PROMOTER_GIT_TOKEN", "CHART_PROMOTER_REGISTRY_PASSWORD", "CHART_PROMOTER_TRAVIS_TOKEN", "CHART_PROMOTER_APPROVER_KEY", "PGP_KEY", "PGP_PASSPHRASE"} {
		t.Setenv(k, "s3cret-"+k)
	}
	t.Setenv("QA_ADDRESS", "https://bot:s3cret-qa@git.example.com/qa.git")
	t.Setenv("SOURCE_PASSWORD", "s3cret/so@rce")
	t.Setenv("SOURCE_PASSWORD_IN_ADDRESS", "s3cret%2Fso%40rce")
	t.Setenv("PROD_TOKEN", "s3cret-prod")
	run.Secrets = SecretsOf(&config.Config{
		Source: config.Source{Git: "https://bot:s3cret%2Fso%40rce@git.example.com/source.git"},
		Stages: []config.Stage{
			{Name: "qa", Key: config.Key{Env: "MY_SIGNING_KEY"}, Candidate: &config.Candidate{Git: os.Getenv("QA_ADDRESS")}},
			{Name: "prod", Publish: &config.Publish{Git: "https://s3cret-prod@git.example.com/prod.git", PGP: &config.PGP{Key: config.Key{Env: "PGP_KEY"}, Passphrase: config.Key{Env: "PGP_PASSPHRASE"}}}},
		},
	})
	if _, err := run.Command(t.Context(), shell("env; echo KUBE is $KUBECONFIG", 0), t.TempDir(), []string{"KUBECONFIG=/k"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(l.String(), "s3cret") || !strings.Contains(l.String(), "KUBE is /k") {
		t.Errorf("the tests see:\n%s", l)
	}
}
