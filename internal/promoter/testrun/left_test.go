package testrun

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// isGone waits until the process whose number is in a file has ended.
func isGone(t *testing.T, file string) bool {
	t.Helper()
	data, err := os.ReadFile(file)
	pid := strings.TrimSpace(string(data))
	if err != nil || pid == "" {
		t.Fatalf("the process did not start: %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
	}
	return false
}

func TestACommandThatEndsWellHasPassedAndWhatItLeftIsEnded(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("processes are found in /proc")
	}
	for name, left := range map[string]string{
		"in the background":                 `sh -c 'echo $$ >PID; exec sleep 600' &`,
		"deaf to SIGTERM":                   `sh -c 'trap "" TERM; echo $$ >PID; while :; do sleep 0.05; done' &`,
		"a daemon with the output open":     `setsid sh -c 'echo $$ >PID; exec sleep 600' &`,
		"a daemon without output":           `setsid sh -c 'echo $$ >PID; exec sleep 600' >/dev/null 2>&1 </dev/null &`,
		"one whose output is not yet read":  `sh -c 'echo $$ >PID; exec yes' &`,
		"a daemon that the shell forgot of": `(setsid sh -c 'echo $$ >PID; exec sleep 600' & )`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, l := runner(t)
			run.grace = time.Minute // what waits for it takes longer than the limit below
			pid := t.TempDir() + "/pid"
			script := strings.ReplaceAll(left, "PID", pid) + `
while [ ! -s ` + pid + ` ]; do sleep 0.01; done
echo the last line
exit 0`
			start := time.Now()
			r, err := run.Command(t.Context(), shell(script, time.Minute), t.TempDir(), nil)
			if err != nil || r.Passed != 1 || r.Failed != 0 {
				t.Errorf("got %+v, %v", r, err)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
			if !strings.Contains(l.String(), "the last line") {
				t.Errorf("the output is %.200q", l)
			}
			if !isGone(t, pid) {
				t.Error("what it left lives on")
			}
		})
	}
}

// cancelled runs a command whose script is to print "it runs: 42", and cancels it then.
func cancelled(t *testing.T, run Runner, l *testtools.Lines, script string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		// The line of the command itself is reported too, before it starts.
		for !strings.Contains(l.String(), "it runs: 42") && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := run.Command(ctx, shell(script, time.Hour), t.TempDir(), nil)
	return err
}

func TestACancelledCommandEndsInSeconds(t *testing.T) {
	t.Parallel()
	run, l := runner(t)
	start := time.Now()
	err := cancelled(t, run, l, `trap "" TERM; echo it runs: $((6 * 7)); while :; do sleep 0.05; done`)
	if err != context.Canceled || time.Since(start) > 30*time.Second { //nolint:errorlint // it is that error and no failed test
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

func TestACancelledCommandMayCleanUp(t *testing.T) {
	t.Parallel()
	run, l := runner(t)
	if err := cancelled(t, run, l, `trap "echo it cleans up: $((6 * 9)); exit" TERM; echo it runs: $((6 * 7)); while :; do sleep 0.05; done`); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !strings.Contains(l.String(), "it cleans up: 54") {
		t.Errorf("it was killed at once:\n%s", l)
	}
}

func TestACancelledContextStartsNoCommand(t *testing.T) {
	t.Parallel()
	run, _ := runner(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Command(ctx, shell("exit 3", time.Hour), t.TempDir(), nil); err != context.Canceled { //nolint:errorlint // it is that error alone
		t.Errorf("%v", err)
	}
}

func TestOutputWithoutLineEndsIsBounded(t *testing.T) {
	t.Parallel()
	const printed = 24 << 20
	for name, c := range map[string]config.Command{
		"one line":                shell(`head -c 25165824 /dev/zero | tr '\0' .`, time.Minute),
		"a line of go test":       {Command: []string{"sh", "-c", `printf '{"Action":"output","Package":"p","Test":"T","Output":"'; head -c 25165824 /dev/zero | tr '\0' .; printf '"}\n{"Action":"pass","Package":"p","Test":"T"}\n'`}, Format: config.FormatGoJSON, Timeout: config.Duration(time.Minute)},
		"many events of one test": {Command: []string{"sh", "-c", `long=$(head -c 400000 /dev/zero | tr '\0' .); i=0; while [ $i -lt 60 ]; do printf '{"Action":"output","Package":"p","Test":"T","Output":"%s"}\n' "$long"; i=$((i+1)); done; printf '{"Action":"pass","Package":"p","Test":"T"}\n'`}, Format: config.FormatGoJSON, Timeout: config.Duration(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			l := &counter{}
			r, err := Runner{Report: l}.Command(t.Context(), c, t.TempDir(), nil)
			if err != nil || r.Passed != 1 {
				t.Fatalf("%+v %v", r, err)
			}
			kept := 0
			for _, tc := range r.cases {
				for _, o := range tc.output {
					kept += len(o)
				}
			}
			for _, o := range r.tail {
				kept += len(o)
			}
			if kept > 4<<20 || l.longest > 2*maxLine {
				t.Errorf("%d bytes are kept, and a line of %d was printed", kept, l.longest)
			}
			if l.total > printed+printed/2 {
				t.Errorf("%d bytes were printed", l.total)
			}
		})
	}
}

// counter is a reporter that only counts.
type counter struct{ longest, total int }

func (c *counter) Line(text string) {
	c.longest, c.total = max(c.longest, len(text)), c.total+len(text)
}

func (c *counter) Step(string, string) func(string, error) { return func(string, error) {} }

func TestTheEndOfALongLineIsCountedNotKept(t *testing.T) {
	if got := shorten(strings.Repeat("ü", 10), 5); got != "üü … (15 bytes more)" {
		t.Errorf("got %q", got)
	}
	if got := shorten("short", 5); got != "short" {
		t.Errorf("got %q", got)
	}
}
