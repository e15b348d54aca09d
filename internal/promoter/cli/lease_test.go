package cli

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// newBlockedPipeline is a pipeline with a candidate whose verify stays in the test command until that may end.
func newBlockedPipeline(t *testing.T) *testPipeline {
	t.Helper()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.env["STARTED"] = t.TempDir() + "/started"
	if err := syscall.Mkfifo(s.env["STARTED"]+".end", 0o600); err != nil {
		t.Fatal(err)
	}
	s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`["true"]`), []byte(`[sh, -c, 'touch "$0" && exec cat "$0.end"', "${STARTED}"]`), 1)
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

// endTest lets the test command that runs end.
func (s *testPipeline) endTest() {
	s.t.Helper()
	testtools.Eventually(s.t, "the test command to wait", time.Minute, func() error {
		end, err := os.OpenFile(s.env["STARTED"]+".end", os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			err = end.Close()
		}
		return err
	})
}

// unblock lets the test command of later runs end at once.
func (s *testPipeline) unblock() {
	s.t.Helper()
	s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`exec cat "$0.end"`), []byte(`true`), 1)
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

// leaseTest is the duration of leases that are to expire: long enough for the renewals of a process that gets little time.
const leaseTest = 15 * time.Second

type result struct {
	code int
	msg  string
}

// verifying is a verify that has come to its test command.
func (s *testPipeline) verifying() (ended <-chan result) {
	s.t.Helper()
	results := make(chan result, 1)
	go func() {
		code, msg := s.runWithLease(cluster.LeaseTimes{Duration: leaseTest}, "verify")
		results <- result{code, msg}
	}()
	s.awaitTest()
	return results
}

func (s *testPipeline) await(ended <-chan result) result {
	s.t.Helper()
	select {
	case r := <-ended:
		return r
	case <-time.After(2 * time.Minute):
		s.t.Fatal("the run does not end")
		return result{}
	}
}

// answerLeases answers the requests for leases of these methods, all if there are none, with a status, times times or always for 0.
func (s *testPipeline) answerLeases(status int, times int64, methods ...string) {
	var answered atomic.Int64
	s.api.intercept(func(r *http.Request) int {
		if !strings.Contains(r.URL.Path, "/leases") || len(methods) > 0 && !slices.Contains(methods, r.Method) || answered.Add(1) > times && times > 0 {
			return 0
		}
		return status
	})
}

func TestARunThatLosesItsLeaseFailsAndTheNextOneUninstallsItsRelease(t *testing.T) {
	t.Parallel()
	s := newBlockedPipeline(t)
	ended := s.verifying()
	s.answerLeases(http.StatusServiceUnavailable, 0)
	s.losesItsLease(s.await(ended), "Service Unavailable")
	s.api.intercept(nil)
	s.unblock()
	s.env["WORK"] = t.TempDir() // as on another runner
	code, msg := s.runWithLease(cluster.LeaseTimes{}, "verify")
	for _, want := range []string{"in use since", "took over the lease of", "uninstalling hello, which is left from an earlier run"} {
		if code != 0 || !strings.Contains(msg, want) {
			t.Errorf("the next run: exit %d, want %q\n%s", code, want, msg)
		}
	}
	s.isClean()
}

func (s *testPipeline) losesItsLease(r result, why string) {
	s.t.Helper()
	for _, want := range []string{"the lease of the release cannot be held any longer: it was not renewed for 10s", why, "hello in namespace hello is not uninstalled"} {
		if r.code != 5 || !strings.Contains(r.msg, want) {
			s.t.Errorf("exit %d, want 5 and %q\n%s", r.code, want, r.msg)
		}
	}
	if len(s.api.secrets()) == 0 || len(s.api.names("leases")) == 0 {
		s.t.Error("the run uninstalled a release that another one may use")
	}
}

// Tokens that rotate, and plugins that get them, cause one such answer.
func TestARunKeepsItsLeaseThoughOneRenewalIsDenied(t *testing.T) {
	t.Parallel()
	s := newBlockedPipeline(t)
	ended := s.verifying()
	denied, renewed := make(chan struct{}), make(chan struct{})
	var answered atomic.Int64
	s.api.intercept(func(r *http.Request) int {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/leases/") {
			return 0
		}
		switch answered.Add(1) {
		case 1:
			close(denied)
			return http.StatusUnauthorized
		case 3:
			close(renewed)
		}
		return 0
	})
	for _, happened := range []<-chan struct{}{denied, renewed} {
		select {
		case <-happened:
		case r := <-ended:
			t.Fatalf("it ends with %d\n%s", r.code, r.msg)
		case <-time.After(time.Minute):
			t.Fatal("the lease is not renewed")
		}
	}
	s.endTest()
	if r := s.await(ended); r.code != 0 {
		t.Errorf("exit %d\n%s", r.code, r.msg)
	}
	s.isClean()
}

func TestARunWhoseRenewalsAreDeniedLosesItsLease(t *testing.T) {
	t.Parallel()
	s := newBlockedPipeline(t)
	ended := s.verifying()
	s.answerLeases(http.StatusForbidden, 0, http.MethodPut)
	s.losesItsLease(s.await(ended), "Forbidden")
}

func TestALeaseThatIsDeniedIsRequestedOnceMore(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.answerLeases(http.StatusForbidden, 2, http.MethodPost)
	if code, msg := s.runWithLease(cluster.LeaseTimes{Duration: leaseTest}, "verify"); code != 5 || !strings.Contains(msg, "needs get, create, update and delete for leases") {
		t.Errorf("denied twice: exit %d\n%s", code, msg)
	}
	s.answerLeases(http.StatusUnauthorized, 1)
	if code, msg := s.runWithLease(cluster.LeaseTimes{Duration: leaseTest}, "verify"); code != 0 || strings.Count(msg, "Unauthorized") != 1 {
		t.Errorf("denied once: exit %d\n%s", code, msg)
	}
	s.isClean()
}

func TestARunThatCannotCreateItsLeaseReportsWhy(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.answerLeases(http.StatusInternalServerError, 0, http.MethodPost)
	code, msg := s.runWithLease(cluster.LeaseTimes{Duration: leaseTest, Wait: 10 * time.Second}, "verify")
	report, last, _ := strings.Cut(msg, "the lease of the release cannot be held: after 10s")
	if code != 5 || !strings.Contains(last, "Internal Server Error") || strings.Contains(msg, "held by") {
		t.Errorf("exit %d\n%s", code, msg)
	}
	if n := strings.Count(report, "Internal Server Error"); n != 1 {
		t.Errorf("the cause is reported %d times before\n%s", n, msg)
	}
}

// The holder's name is written by whoever may write the Lease.
func TestTheHolderOfALeaseIsPrintedInOneLine(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	client, err := cluster.Connect(s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	now := metav1.NowMicro()
	lease := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "chart-promoter-hello"}, Spec: coordinationv1.LeaseSpec{
		HolderIdentity: ptr.To("one\n\x1b[31mtwo\rthree" + strings.Repeat("x", 5000)), LeaseDurationSeconds: ptr.To[int32](3600), AcquireTime: &now, RenewTime: &now,
	}}
	if _, err := client.CoordinationV1().Leases("hello").Create(t.Context(), &lease, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	code, msg := s.runWithLease(cluster.LeaseTimes{Duration: leaseTest, Wait: 10 * time.Second}, "verify")
	if code != 5 || strings.Count(msg, "by onetwothreexxx") != 2 || len(msg) > 4000 {
		t.Errorf("exit %d, %d bytes\n%.4000q", code, len(msg), msg)
	}
}

// runWithLease is run with other limits of its lease.
func (s *testPipeline) runWithLease(times cluster.LeaseTimes, args ...string) (code int, msg string) {
	s.t.Helper()
	var out bytes.Buffer
	a := newApp(Streams{In: strings.NewReader(""), Out: &out, Err: &out}, func(k string) string { return s.env[k] })
	a.lease = times
	code = a.main(s.t.Context(), append([]string{"--config", s.dir + "/ci/pipeline.yaml"}, s.args(args...)...))
	return code, out.String()
}
