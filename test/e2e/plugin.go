package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/christianb93/bitcoin-controller/test/rights"
)

// programVariable names the program kubectl-btcnet. Without it, the program is built.
const programVariable = "KUBECTL_BTCNET"

// programDir has the program that was built, until RemoveProgram.
var programDir string

// RemoveProgram removes what Program has built.
func RemoveProgram() {
	if programDir != "" {
		_ = os.RemoveAll(programDir) // best effort: it is in the directory for temporary files
	}
}

// Program is the file of kubectl-btcnet, which is built once, unless the variable names it.
var Program = sync.OnceValues(func() (string, error) {
	if file := os.Getenv(programVariable); file != "" {
		return file, nil
	}
	dir, err := os.MkdirTemp("", "kubectl-btcnet-")
	if err != nil {
		return "", err
	}
	programDir = dir
	file := filepath.Join(dir, "kubectl-btcnet")
	command := exec.Command("go", "build", "-C", "../..", "-trimpath", "-ldflags=-s -w", "-o", file, "./cmd/kubectl-btcnet")
	command.Env = append(os.Environ(), "CGO_ENABLED=0") // as the image is built: most packages are in the compiler's cache
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build kubectl-btcnet: %w: %s", err, out)
	}
	return file, err
})

// BuildEarly builds the program before the first test: beside the tests, the compiler would take their processor time. A run of some tests
// may need no program.
func BuildEarly() error {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
		return nil
	}
	_, err := Program()
	return err
}

// Plugin runs commands of kubectl-btcnet in a namespace, as a user.
type Plugin struct {
	t               testing.TB
	namespace, user string
}

// NewPlugin returns the plugin of a user who has these rights.
func NewPlugin(t testing.TB, c *Clients, namespace, user string, rules []rbacv1.PolicyRule) Plugin {
	t.Helper()
	if err := rights.Grant(t.Context(), c.Core, namespace, user, rights.User(user), rules); err != nil {
		t.Fatal(err)
	}
	return Plugin{t, namespace, user}
}

// Command is one that has not started.
func (p Plugin) Command(args ...string) *exec.Cmd {
	p.t.Helper()
	file, err := Program()
	if err != nil {
		p.t.Fatal(err)
	}
	return exec.CommandContext(p.t.Context(), file, append([]string{"--namespace", p.namespace, "--as", p.user}, args...)...) //nolint:gosec // the program under test
}

// Try returns what a command printed, and its exit code.
func (p Plugin) Try(args ...string) (out, errOut string, code int) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	command := p.Command(args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			p.t.Fatal(err)
		}
	}
	return strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()), command.ProcessState.ExitCode()
}

// Does runs a command that must succeed, and returns what it printed.
func (p Plugin) Does(args ...string) string {
	p.t.Helper()
	start := time.Now()
	out, errOut, code := p.Try(args...)
	p.t.Logf("kubectl btcnet %s: %d in %s: %s %s", strings.Join(args, " "), code, time.Since(start).Round(time.Millisecond), out, errOut)
	if code != 0 {
		p.t.FailNow()
	}
	return out
}

// Serves starts a program that serves until the test ends, and returns the first line that it prints.
func Serves(t testing.TB, command *exec.Cmd) string {
	t.Helper()
	command.Stderr = os.Stderr
	// The context of a test ends before the cleanup.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = time.Minute
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := command.Wait()
		if code := command.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with the code %d (%v)", command, code, err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s printed %q (%v)", command, line, err)
	}
	return strings.TrimSpace(line)
}
