package publish

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const versionsToPublish = 4

// publishAll is what the killed process does, and what it should come to.
func publishAll(t *testing.T, cfg Config, started func()) {
	target := open(t, cfg)
	var items []Item
	for n := range versionsToPublish {
		items = append(items, item(t, fmt.Sprintf("1.%d.0", n)))
	}
	started()
	for _, i := range items {
		publish(t, target, i)
		if _, err := target.AddRecord(t.Context(), "operator", i.Package.Version, []byte(`{"approved":true}`)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledPublisher is not a test but the process that TestKilledAndRunAgain kills.
func TestKilledPublisher(t *testing.T) {
	if os.Getenv("PUBLISH_TO_DIRECTORY")+os.Getenv("PUBLISH_TO_GIT") == "" {
		return
	}
	publishAll(t, Config{Directory: os.Getenv("PUBLISH_TO_DIRECTORY"), Git: os.Getenv("PUBLISH_TO_GIT"), Page: landingPage}, func() { fmt.Println("started") })
}

// kill -9 at random moments, and again until it gets through: PUBLISH_KILLS
// times (default 8, 3 for git) for each target. At every moment the index is whole and
// names only packages that are there; in the end all is as without any kill.
func TestKilledAndRunAgain(t *testing.T) {
	for name, config := range kinds() {
		if name == "oci" {
			continue // one request decides there
		}
		t.Run(name, func(t *testing.T) {
			kills := map[string]int{"directory": 8, "git": 3}[name]
			if n, err := strconv.Atoi(os.Getenv("PUBLISH_KILLS")); err == nil {
				kills = n
			}
			whole := config(t)
			begin := time.Now()
			publishAll(t, whole, func() { begin = time.Now() })
			takes := time.Since(begin)
			want := tree(t, checkout(t, whole))
			for done := 0; done < kills; {
				cfg := config(t)
				for finished := false; !finished; {
					killed := false
					if finished, killed = killOnce(t, cfg, rand.N(takes)); killed {
						done++
					}
					if cfg.Git != "" && !finished && strings.TrimSpace(heads(t, cfg.Git)) == "" {
						continue // stopped before the first push: there is no branch to look at
					}
					everyArchiveMatches(t, checkout(t, cfg), -1)
					if done >= kills && !finished {
						publishAll(t, cfg, func() {})
						finished = true
					}
				}
				got := tree(t, checkout(t, cfg))
				if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
					t.Fatal(diff)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

func heads(t *testing.T, repository string) string {
	t.Helper()
	out, err := exec.Command("git", "-C", repository, "for-each-ref", "refs/heads").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func killOnce(t *testing.T, cfg Config, after time.Duration) (finished, killed bool) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledPublisher$")
	child.Env = append(os.Environ(), "PUBLISH_TO_DIRECTORY="+cfg.Directory, "PUBLISH_TO_GIT="+cfg.Git, "TMPDIR="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // git, which it starts, dies with it
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "started" {
	}
	timer := time.AfterFunc(after, func() { _ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) })
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	err = child.Wait()
	if timer.Stop(); err == nil {
		return true, false
	}
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("%v: %s", err, strings.Join(said, "\n"))
	}
	return false, true
}
