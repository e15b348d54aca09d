package publish

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/testseed"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

const versionsToPublish = 4

// TestMain runs the process that the kill test kills, or the tests.
func TestMain(m *testing.M) {
	cfg := Config{
		Directory: os.Getenv("PUBLISH_TO_DIRECTORY"), Git: os.Getenv("PUBLISH_TO_GIT"), Branch: os.Getenv("PUBLISH_TO_BRANCH"), Path: os.Getenv("PUBLISH_TO_PATH"),
		OCI: os.Getenv("PUBLISH_TO_OCI"), Page: landingPage,
	}
	if cfg.Directory+cfg.Git+cfg.OCI == "" {
		os.Exit(testtools.RunWithPrivateHome(m))
	}
	publishAll := publishAll
	if os.Getenv("PUBLISH_TO_HEAD") != "" {
		cfg.Head, cfg.Page, publishAll = headOf, nil, proposeAll
	}
	if err := publishAll(context.Background(), cfg, os.TempDir(), func() { fmt.Println("started") }); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// publishAll publishes some versions with two attestations each. It prepares them in dir and then calls started.
func publishAll(ctx context.Context, cfg Config, dir string, started func()) error {
	return publishSome(ctx, cfg, dir, started, true)
}

// proposeAll is publishAll with one attestation each: a version is published, and can have another one, when its pull request is merged.
func proposeAll(ctx context.Context, cfg Config, dir string, started func()) error {
	return publishSome(ctx, cfg, dir, started, false)
}

func publishSome(ctx context.Context, cfg Config, dir string, started func(), approve bool) error {
	target, err := Open(cfg, Env(func(string) string { return "" }))
	if err != nil {
		return err
	}
	var items []Item
	for n := range versionsToPublish {
		version := fmt.Sprintf("1.%d.0", n)
		p, err := packageIn(filepath.Join(dir, version), version, "a")
		if err != nil {
			return err
		}
		items = append(items, itemOf(p))
	}
	started()
	for _, i := range items {
		if _, err := target.Publish(ctx, i); err != nil {
			return err
		}
		if !approve {
			continue
		}
		if _, err := target.AddAttestation(ctx, "operator", i.Package.Version, []byte(`{"approved":true}`)); err != nil {
			return err
		}
	}
	return nil
}

// The publisher is killed with SIGKILL at random moments, and restarted until it succeeds: PUBLISH_KILLS
// times (default 8, 3 for git) for each target. At every moment the index is whole and
// names only packages that exist; in the end all files are as without any kill.
func TestKilledAndRunAgain(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			k := killTest{config: config, kills: map[string]int{"directory": 8, "git": 3, "folder": 3, "oci": 4, "oci without referrers API": 4}[name], random: testseed.New(t)}
			if n, err := strconv.Atoi(os.Getenv("PUBLISH_KILLS")); err == nil {
				k.kills = n
			}
			whole := config(t)
			begin := time.Now()
			if err := publishAll(t.Context(), whole, t.TempDir(), func() { begin = time.Now() }); err != nil {
				t.Fatal(err)
			}
			k.takes = time.Since(begin)
			want := held(t, whole)
			for done := 0; done < k.kills; {
				var got map[string]string
				got, done = k.killUntilItSucceeds(t, done)
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

type killTest struct {
	config func(testing.TB) Config
	kills  int
	takes  time.Duration // without any kill
	random *rand.Rand
}

// killUntilItSucceeds runs publishers on a new target until one succeeds, and returns the files and the number of kills so far.
func (k killTest) killUntilItSucceeds(t *testing.T, done int) (map[string]string, int) {
	t.Helper()
	cfg := k.config(t)
	for finished := false; !finished; {
		killed := false
		if finished, killed = killOnce(t, cfg, time.Duration(k.random.Int64N(int64(k.takes)))); killed {
			done++
		}
		if cfg.Git != "" && !finished && !strings.Contains(heads(t, cfg.Git), "refs/heads/"+cfg.Branch+"\n") {
			continue // stopped before the first push: there is no branch to check
		}
		if cfg.OCI == "" {
			everyArchiveMatches(t, checkout(t, cfg), -1)
		} else {
			held(t, cfg) // reads every package that is listed
		}
		if done >= k.kills && !finished {
			if err := publishAll(t.Context(), cfg, t.TempDir(), func() {}); err != nil {
				t.Fatal(err)
			}
			finished = true
		}
	}
	return held(t, cfg), done
}

// held is all that a target holds: its files, or what the registry has of each version.
func held(t *testing.T, cfg Config) map[string]string {
	t.Helper()
	if cfg.OCI == "" {
		return tree(t, checkout(t, cfg))
	}
	all := map[string]string{}
	entries, err := open(t, cfg).List(t.Context(), "operator")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		archive, err := open(t, cfg).Package(t.Context(), "operator", e.Version)
		if err != nil || chart.Digest(archive) != e.Digest {
			t.Errorf("the package of %s: %v", e.Version, err)
		}
		attestations, err := open(t, cfg).Attestations(t.Context(), "operator", e.Version)
		if err != nil {
			t.Error(err)
		}
		referrers, _ := linked(t, cfg, e.Version)
		all[e.Version] = fmt.Sprintf("%s %s %q %q", e.Digest, e.Created, attestations, referrers)
	}
	return all
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
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PUBLISH_TO_DIRECTORY="+cfg.Directory, "PUBLISH_TO_GIT="+cfg.Git, "PUBLISH_TO_BRANCH="+cfg.Branch, "PUBLISH_TO_PATH="+cfg.Path, "PUBLISH_TO_OCI="+cfg.OCI, "TMPDIR="+t.TempDir())
	if cfg.Head != nil {
		child.Env = append(child.Env, "PUBLISH_TO_HEAD=true")
	}
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
	var printed []string
	for lines.Scan() {
		printed = append(printed, lines.Text())
	}
	err = child.Wait()
	if timer.Stop(); err == nil {
		return true, false
	}
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("%v: %s", err, strings.Join(printed, "\n"))
	}
	return false, true
}
