package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// hang is what a command of an engine does that hangs.
const hang = `echo $$ >>"$dir/pids"; exec sleep 1000 ;;`

// endHanging ends the commands that hang, which kind started and does not end.
func endHanging(t *testing.T, dir string) {
	t.Helper()
	pids, _ := os.ReadFile(filepath.Join(dir, "pids"))
	for _, line := range strings.Fields(string(pids)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// shorten changes the limits of one test.
func shorten(t *testing.T, change func(*Limits)) {
	t.Helper()
	before := EngineLimits
	t.Cleanup(func() { EngineLimits = before })
	change(&EngineLimits)
}

// cancelledInDeletion cancels a run whose deletion hangs.
func cancelledInDeletion(ctx context.Context, k *Kind, dir string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for !exists(dir, "pids") && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	return k.Delete(ctx)
}

func TestAnEngineThatHangsIsAnExternalFailure(t *testing.T) {
	logs := testtools.Abandoned(t)
	create := func(ctx context.Context, dir string) error {
		_, err := Create(ctx, Options{Name: "hello", Kubeconfig: filepath.Join(dir, "kubeconfig"), NodeImage: "node:1"}, filepath.Join(logs, "created"))
		return err
	}
	opened := func(call func(context.Context, *Kind, string) error) func(context.Context, string) error {
		return func(ctx context.Context, dir string) error {
			write(t, filepath.Join(dir, "node"), "hello-control-plane\n", 0o644)
			k, err := Open("hello", filepath.Join(dir, "kubeconfig"), nil)
			if err != nil {
				return err
			}
			return call(ctx, k, dir)
		}
	}
	short := 500 * time.Millisecond
	for name, c := range map[string]struct {
		hangs  string
		limits func(*Limits)
		call   func(ctx context.Context, dir string) error
		want   error
	}{
		"while clusters are listed": {"'ps -a '*", func(l *Limits) { l.Answer = short }, func(ctx context.Context, _ string) error { return Engine(ctx, nil) }, ErrEngine},
		"while a name is checked":   {"'ps -a '*", func(l *Limits) { l.Answer = short }, create, ErrEngine},
		// The list before it has to answer.
		"while an image is inspected": {"'image inspect '*", func(l *Limits) { l.Answer = 3 * time.Second }, create, ErrEngine},
		"while an image is pulled":    {"'image inspect '*) exit 1 ;;\n'pull '*", func(l *Limits) { l.Silence = short }, create, ErrCreate},
		"while a pull prints lines":   {"'image inspect '*) exit 1 ;;\n'pull '*) while sleep 0.05; do echo layer; done ;;\nnothing", func(l *Limits) { l.Pull = short }, create, ErrCreate},
		"while nodes are created":     {"info*", func(l *Limits) { l.Create, l.Logs, l.Cancelled = short, short, short }, create, ErrCreate},
		"while nodes are deleted": {"'rm '*", func(l *Limits) { l.Delete = short }, opened(func(ctx context.Context, k *Kind, _ string) error {
			return k.Delete(ctx)
		}), ErrEngine},
		"while a cancelled run deletes": {"'rm '*", func(l *Limits) { l.Cancelled = short }, opened(func(ctx context.Context, k *Kind, _ string) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return k.Delete(ctx)
		}), ErrEngine},
		"while a run that is cancelled meanwhile deletes": {"'rm '*", func(l *Limits) { l.Cancelled = short }, opened(cancelledInDeletion), ErrEngine},
		"while logs are exported": {"'exec '* | 'logs '*", func(l *Limits) { l.Logs = short }, opened(func(ctx context.Context, k *Kind, _ string) error {
			return k.ExportLogs(ctx, filepath.Join(logs, "logs"))
		}), ErrEngine},
		"while an image is loaded": {"'exec '*", func(l *Limits) { l.Load = short }, opened(func(ctx context.Context, k *Kind, _ string) error {
			_, err := k.LoadImages(ctx, image.Access{}, "some/image")
			return err
		}), ErrEngine},
	} {
		t.Run(name, func(t *testing.T) {
			dir := standIn(t, "exit 1", c.hangs+") "+hang)
			shorten(t, c.limits)
			err := testtools.InTime(t, time.Minute, func() error { return c.call(t.Context(), dir) })
			if !errors.Is(err, c.want) || failure.Of(err) != failure.External || !strings.Contains(err.Error(), "within") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A slow line is no engine that hangs.
func TestAPullMayTakeLongWhileItPrintsAndItsEndNamesTheCommand(t *testing.T) {
	// Long enough for the pauses of a loaded machine.
	shorten(t, func(l *Limits) { l.Silence = 4 * time.Second })
	standIn(t, `for i in {1..90}; do echo layer; sleep 0.05; done`)
	start := time.Now()
	if err := testtools.InTime(t, time.Minute, func() error { return pull(t.Context(), "node:1") }); err != nil || time.Since(start) < EngineLimits.Silence {
		t.Errorf("a pull that prints a line every 50 ms: %v after %s", err, time.Since(start))
	}
	EngineLimits.Silence = 500 * time.Millisecond
	standIn(t, strings.TrimSuffix(hang, " ;;"))
	err := testtools.InTime(t, time.Minute, func() error { return pull(t.Context(), "node:1") })
	if !errors.Is(err, ErrCreate) || !strings.Contains(err.Error(), "printed nothing within 500ms") || !strings.HasSuffix(err.Error(), ": docker pull node:1") {
		t.Errorf("a pull that prints nothing: %v", err)
	}
}
