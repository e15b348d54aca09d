package cli

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// newBlockedPipeline is a pipeline with a candidate whose verify stays in the test command until it is cancelled.
func newBlockedPipeline(t *testing.T) *testPipeline {
	t.Helper()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.env["STARTED"] = t.TempDir() + "/started"
	s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`["true"]`), []byte(`[sh, -c, 'touch "$0" && exec tail -f /dev/null', "${STARTED}"]`), 1)
	})
	return s
}

// awaitTest waits until the test command runs.
func (s *testPipeline) awaitTest() {
	s.t.Helper()
	testtools.Eventually(s.t, "the test command to start", 2*time.Minute, func() error {
		_, err := os.Stat(s.env["STARTED"])
		return err
	})
}

// unblock lets the test command end at once.
func (s *testPipeline) unblock() {
	s.t.Helper()
	s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`exec tail -f /dev/null`), []byte(`true`), 1)
	})
}

func (s *testPipeline) isClean() {
	s.t.Helper()
	if left := slices.Concat(s.api.names("secrets"), s.api.names("leases")); len(left) > 0 {
		s.t.Errorf("the cluster still has %v", left)
	}
}

// GitHub cancels a job with an interrupt and sends SIGTERM 7.5 seconds later; here the uninstallation takes longer.
func TestACancelledRunUninstallsItsReleaseThoughASecondSignalComes(t *testing.T) {
	t.Parallel()
	s := newBlockedPipeline(t)
	var out bytes.Buffer
	cmd := s.process("verify")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitTest()
	uninstalls, signalled := make(chan struct{}), make(chan struct{})
	s.api.intercept(func(r *http.Request) int {
		if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/secrets/") {
			close(uninstalls)
			<-signalled
		}
		return 0
	})
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	signal := func(what os.Signal) {
		if err := cmd.Process.Signal(what); err != nil {
			t.Error(err)
		}
	}
	signal(os.Interrupt)
	select {
	case <-uninstalls:
	case err := <-ended:
		t.Fatalf("it ended without the uninstallation: %v\n%s", err, out.String())
	}
	signal(syscall.SIGTERM)
	close(signalled)
	if err := <-ended; cmd.ProcessState.ExitCode() != 5 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("%v\n%s", err, out.String())
	}
	s.isClean()
}

func TestARunThatLosesItsLeaseFailsAndTheNextOneUninstallsItsRelease(t *testing.T) {
	t.Parallel()
	s := newBlockedPipeline(t)
	type result struct {
		code int
		msg  string
	}
	ended := make(chan result, 1)
	go func() {
		code, msg := s.runWithLease(3*time.Second, "verify")
		ended <- result{code, msg}
	}()
	s.awaitTest()
	s.api.intercept(func(r *http.Request) int {
		if strings.Contains(r.URL.Path, "/leases/") {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	select {
	case r := <-ended:
		for _, want := range []string{"the lease of the release cannot be held any longer: it was not renewed for 2s", "hello in namespace hello is not uninstalled"} {
			if r.code != 5 || !strings.Contains(r.msg, want) {
				t.Errorf("exit %d, want 5 and %q\n%s", r.code, want, r.msg)
			}
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the run continues without its lease")
	}
	if len(s.api.secrets()) == 0 || len(s.api.names("leases")) == 0 {
		t.Error("the run uninstalled a release that another one may use")
	}
	s.api.intercept(nil)
	s.unblock()
	s.env["WORK"] = t.TempDir() // as on another runner
	code, msg := s.runWithLease(0, "verify")
	for _, want := range []string{"in use since", "took over the lease of", "uninstalling hello, which is left from an earlier run"} {
		if code != 0 || !strings.Contains(msg, want) {
			t.Errorf("the next run: exit %d, want %q\n%s", code, want, msg)
		}
	}
	s.isClean()
}

// runWithLease is run with another duration of its lease.
func (s *testPipeline) runWithLease(duration time.Duration, args ...string) (code int, msg string) {
	s.t.Helper()
	var out bytes.Buffer
	a := newApp(Streams{In: strings.NewReader(""), Out: &out, Err: &out}, func(k string) string { return s.env[k] })
	a.lease.Duration = duration
	code = a.main(s.t.Context(), append([]string{"--config", s.dir + "/ci/pipeline.yaml"}, s.args(args...)...))
	return code, out.String()
}
