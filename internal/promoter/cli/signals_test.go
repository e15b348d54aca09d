package cli

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// uninstalling is a verify that uninstalls what an earlier one has left, which does not end.
func uninstalling(t *testing.T) (cmd *exec.Cmd, out *bytes.Buffer, ended <-chan error) {
	t.Helper()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.must("verify", "--keep-cluster")
	uninstalls, end := make(chan struct{}, 10), make(chan struct{})
	t.Cleanup(func() { close(end) })
	s.api.intercept(func(r *http.Request) int {
		if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/secrets/") {
			uninstalls <- struct{}{}
			<-end
		}
		return 0
	})
	cmd, out = s.process("verify"), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	select {
	case <-uninstalls:
	case err := <-waited:
		t.Fatalf("it ended without the uninstallation: %v\n%s", err, out.String())
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing is uninstalled")
	}
	return cmd, out, waited
}

func TestACancelledRunDoesNotUninstallForLong(t *testing.T) {
	t.Parallel()
	cmd, out, ended := uninstalling(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if cmd.ProcessState.ExitCode() != 5 || !strings.Contains(out.String(), "interrupted") {
			t.Errorf("%v\n%s", err, out.String())
		}
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}

func TestASecondTermEndsTheProgram(t *testing.T) {
	t.Parallel()
	cmd, out, ended := uninstalling(t)
	start, tick := time.Now(), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = cmd.Process.Signal(syscall.SIGTERM) // an error if it has ended
			if time.Since(start) > time.Minute {
				t.Fatal("it does not end")
			}
		case err := <-ended:
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if took := time.Since(start); !ok || status.Signal() != syscall.SIGTERM || took < secondTerm {
				t.Errorf("after %s: %v\n%s", took, err, out.String())
			}
			return
		}
	}
}
