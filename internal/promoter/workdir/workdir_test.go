package workdir

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func TestTwoRunsInOneDirectoryDoNotMixUpTheirPackages(t *testing.T) {
	d := Dir(t.TempDir())
	unlock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lock(); !errors.Is(err, ErrBusy) || failure.Of(err) != failure.BadInput {
		t.Errorf("the second run: %v, want ErrBusy", err)
	}
	unlock()
	if unlock, err = d.Lock(); err != nil {
		t.Errorf("after the first run: %v", err)
	} else {
		unlock()
	}
}

// A program that is being started has a copy of all open files for a moment, and so of the lock.
func TestALockEndsThoughAnotherProgramIsBeingStarted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for ctx.Err() == nil {
				_ = exec.Command(os.Args[0], "-test.run=^$").Run()
			}
		})
	}
	d := Dir(t.TempDir())
	for i := range 3000 {
		unlock, err := d.Lock()
		if err != nil {
			t.Errorf("after %d runs: %v", i, err)
			break
		}
		unlock()
	}
	stop()
	starting.Wait()
}

func TestFilesOfOneStepAreReadByTheNext(t *testing.T) {
	d := Dir(t.TempDir() + "/new")
	var got struct{ A string }
	if d.ReadJSON("a.json", &got) {
		t.Error("a file that does not exist is read")
	}
	if err := d.WriteJSON("a.json", map[string]string{"A": "x"}); err != nil {
		t.Fatal(err)
	}
	if !d.ReadJSON("a.json", &got) || got.A != "x" {
		t.Errorf("read %+v", got)
	}
	if _, err := d.Write("a.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if d.ReadJSON("a.json", &got) {
		t.Error("a file that is not JSON is read")
	}
	for range 2 {
		if err := d.Remove("a.json"); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Write("logs/x", nil); err != nil {
		t.Fatal(err)
	}
	path, err := d.Clear("logs")
	if _, serr := os.Stat(path); err != nil || !errors.Is(serr, os.ErrNotExist) {
		t.Errorf("%s: %v, %v", path, err, serr)
	}
}

func TestAWorkDirectoryKeepsItselfOutOfCommits(t *testing.T) {
	t.Parallel()
	created, own := Dir(t.TempDir()+"/dist"), Dir(t.TempDir())
	if _, err := own.Write("mine", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[Dir]bool{created: true, own: false} {
		unlock, err := dir.Lock()
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		data, err := os.ReadFile(dir.File(".gitignore"))
		if got := err == nil && strings.Contains(string(data), "\n*\n"); got != want {
			t.Errorf("%s: ignored %v, want %v (%v)", dir, got, want, err)
		}
	}
	// What it holds, a repository among it, is no change for git.
	script := "git init -q && mkdir -p dist/candidate && git init -q dist/candidate && echo x >dist/kubeconfig && git add -A && git ls-files"
	git := exec.Command("sh", "-ec", script)
	git.Dir = filepath.Dir(string(created))
	if out, err := git.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("git adds %s, %v", out, err)
	}
}
