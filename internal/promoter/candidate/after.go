package candidate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/command"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// ErrAfter is the error of a command of chart.after that fails, does not end in time or changes what it must not.
var ErrAfter = failure.New(failure.BadInput, "the command of chart.after cannot be used")

const (
	// afterTimeout ends a command whose configuration has no limit.
	afterTimeout = 5 * time.Minute
	// afterOutput is how much of a command's output is kept for the message of its failure, in bytes.
	afterOutput = 4 << 10
)

// runAfter runs the commands of the configuration in a copy of the chart, where they see neither the clone with its history nor the
// files beside the chart that belong to git or a CI engine, and takes over the files that they changed. setAgain sets the fields in the
// copy: a command that changed one of them is an error, since the candidate would have another version than its commit states.
func (r Repository) runAfter(ctx context.Context, root *os.Root, path string, setAgain func(*os.Root) error) error {
	tmp, err := os.MkdirTemp("", "chart-promoter-after-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if tmp, err = filepath.EvalSymlinks(tmp); err != nil {
		return err
	}
	// Commands such as helm-docs expect the chart's name as the name of its directory.
	dir := filepath.Join(tmp, filepath.Base(r.chartName()))
	before, err := snapshot(root, path)
	if err != nil {
		return err
	}
	copied, err := before.writeTo(dir)
	if err != nil {
		return err
	}
	defer copied.Close()
	for _, a := range r.Config.Chart.After {
		if err := r.command(ctx, a, dir); err != nil {
			return err
		}
	}
	after, err := snapshot(copied, ".")
	if err != nil {
		return explainEscape(dir, err)
	}
	if err := setAgain(copied); err != nil {
		return fmt.Errorf("%w: it broke a field of the candidate: %w", ErrAfter, err)
	}
	again, err := snapshot(copied, ".")
	if err != nil {
		return err
	}
	if changed := after.differences(again); len(changed) > 0 {
		return fmt.Errorf("%w: it changes a field that chart-promoter sets, in %s; leave the versions and the image to chart-promoter", ErrAfter, strings.Join(changed, ", "))
	}
	return takeOver(root, path, before, after)
}

func (r Repository) chartName() string {
	if r.Config.Chart.Path != "" && filepath.Clean(r.Config.Chart.Path) != "." {
		return r.Config.Chart.Path
	}
	if p := r.chartPath(); p != "." {
		return p
	}
	return r.Config.Name
}

// command runs one command in dir, as command.Run does. Error: ErrAfter.
func (r Repository) command(ctx context.Context, a config.After, dir string) error {
	c := command.Command{Args: a.Command, Dir: dir, Env: r.Env, Set: a.Env, Timeout: a.Timeout.Or(afterTimeout)}
	report.Linef(r.Report, "%s", c)
	out := &tail{limit: afterOutput}
	ended := command.Run(ctx, c, func(in io.Reader) { _, _ = io.Copy(out, in) })
	failed := errors.Join(ended.Start, ended.Exit)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ended.TimedOut:
		// Without the cause, which would make this an external failure.
		return fmt.Errorf("%w: %s did not end within %s; raise its timeout or repair it", ErrAfter, c, c.Timeout)
	case failed == nil:
		return nil
	case errors.Is(failed, exec.ErrNotFound), errors.Is(failed, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is not installed on this machine; install it: %w", ErrAfter, a.Command[0], failed)
	}
	return fmt.Errorf("%w: %s: %s; it printed: %s", ErrAfter, c, failed.Error(), out.line())
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	buf   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// line is the text in one line without characters that a terminal obeys.
func (t *tail) line() string {
	text := strings.ToValidUTF8(string(bytes.TrimSpace(t.buf)), "")
	return strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }), " ")
}

// takeOver writes into the clone what the commands changed.
func takeOver(root *os.Root, path string, before, after files) error {
	for _, name := range before.differences(after) {
		if path == "." && isHidden(name) {
			return fmt.Errorf("%w: it changes %s, which belongs to git or a CI engine and not to the chart", ErrAfter, name)
		}
		to := filepath.Join(path, filepath.FromSlash(name))
		if err := root.RemoveAll(to); err != nil {
			return err
		}
		f, ok := after[name]
		if !ok {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := f.write(root, to); err != nil {
			return fmt.Errorf("%s: %w: %w", name, chart.ErrUnsafe, err)
		}
	}
	return nil
}
