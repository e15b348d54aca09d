package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// script writes a program of the shell.
func script(t *testing.T, path, text string) {
	t.Helper()
	write(t, path, "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// givenUp checks that an attempt ends within a minute, as one at an unreachable server and for this reason.
func givenUp(t *testing.T, reason string, attempt func() error) {
	t.Helper()
	err := testtools.InTime(t, time.Minute, attempt)
	if !errors.Is(err, ErrUnreachable) || failure.Of(err) != failure.External || !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want %q", err, reason)
	}
}

// ended waits until the processes whose ids are in a file have ended.
func ended(t *testing.T, file string) {
	t.Helper()
	ids, err := os.ReadFile(file)
	if err != nil || len(ids) == 0 {
		t.Fatalf("it was not called: %v", err)
	}
	testtools.Eventually(t, "the end of what git started", 20*time.Second, func() error {
		for _, id := range strings.Fields(string(ids)) {
			stat, err := os.ReadFile("/proc/" + id + "/stat")
			if err == nil && !strings.Contains(string(stat), ") Z ") {
				return fmt.Errorf("it runs: %s: %w", stat, errEndless)
			}
		}
		return nil
	})
}

// sshOf is the line that lets a stand-in for ssh run on this machine what the host would run. Git asks a program that it does not know
// whether it has the option -G of OpenSSH.
const sshOf = "case \" $* \" in *\" -G \"*) exit 1 ;; esac\nfor last; do :; done\n"

func TestAGitServerThatNeverEndsIsGivenUp(t *testing.T) {
	for name, program := range map[string]string{
		"it sends nothing":   "exec sleep 600",
		"it ignores SIGTERM": "trap '' TERM\nsleep 600 & echo $! >>PIDS\nwait",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pids := filepath.Join(dir, "pids")
			script(t, dir+"/ssh", sshOf+"echo $$ >>"+pids+"\n"+strings.ReplaceAll(program, "PIDS", pids))
			t.Setenv("GIT_SSH_COMMAND", dir+"/ssh")
			givenUp(t, "host.invalid:x.git: the server does not end the command: git ls-remote takes more than 3s", func() error {
				o := CloneOptions{Options: Options{Timeout: 300 * time.Millisecond}}
				_, err := Clone(t.Context(), "host.invalid:x.git", filepath.Join(dir, "clone"), o)
				return err
			})
			ended(t, pids)
		})
	}
}

// Of a submodule, the branches are fetched where the server does not send the commit itself.
func TestASubmoduleOfAServerThatNeverEndsIsFetchedOnce(t *testing.T) {
	dir := t.TempDir()
	pids := filepath.Join(dir, "pids")
	script(t, dir+"/ssh", sshOf+"echo $$ >>"+pids+"\nexec sleep 600")
	t.Setenv("GIT_SSH_COMMAND", dir+"/ssh")
	o := Options{Timeout: 50 * time.Millisecond}
	_, err := fetchCommit(t.Context(), "host.invalid:x.git", strings.Repeat("1", 40), filepath.Join(dir, "clone"), o)
	if !errors.Is(err, ErrSubmodule) || !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "git fetch takes more than 3s") {
		t.Errorf("got %v", err)
	}
	ended(t, pids)
	if called, _ := os.ReadFile(pids); strings.Count(string(called), "\n") != 1 {
		t.Errorf("the server was called by %s", called)
	}
}

func TestATricklingGitServerIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "0")
			_ = http.NewResponseController(w).Flush()
			<-ticker.C
		}
	}))
	t.Cleanup(srv.Close)
	r := clone(t, remoteWith(t, map[string]string{"a": "1"}), CloneOptions{})
	r.configure(t, "remote.origin.url", srv.URL+"/x.git")
	r.url = ""
	var calls []string
	r.opts = Options{
		Timeout:     200 * time.Millisecond,
		Log:         func(line string) { calls = append(calls, line) },
		Credentials: func(string) ci.GitCredentials { return ci.GitCredentials{Username: "me", Password: "secret"} },
	}
	givenUp(t, "git ls-remote takes more than 2s", func() error { _, err := r.RemoteTags(t.Context()); return err })
	if len(calls) != 1 {
		t.Errorf("%q: it is asked again with other credentials", calls)
	}
}

// unpushed is a clone with a commit that its remote lacks, and the path of the remote's hook that each push calls.
func unpushed(t *testing.T) (r *Repo, url, hook string) {
	t.Helper()
	url = remoteWith(t, map[string]string{"a": "1"})
	r = clone(t, url, CloneOptions{})
	commit(t, r, "a change")
	return r, url, url + "/hooks/pre-receive"
}

func TestAPushThatAHookNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	r, url, hook := unpushed(t)
	before, err := r.RemoteHeads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pids := filepath.Join(t.TempDir(), "pids")
	script(t, hook, "echo $$ >"+pids+"\necho waiting for a lock >&2\nexec sleep 600")
	r.opts.Timeout = 500 * time.Millisecond
	const reason = ": the server does not end the command: git push takes more than 5s; the server reports: waiting for a lock"
	givenUp(t, url+reason, func() error { return r.Push(t.Context(), "main") })
	ended(t, pids)
	r.opts.Timeout = 0
	if after, err := r.RemoteHeads(t.Context()); err != nil || after["main"] != before["main"] {
		t.Errorf("the remote has %v, %v; want %v", after, err, before)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), "main"); err != nil {
		t.Errorf("the next push: %v", err)
	}
}

func TestAServerThatPrintsWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	r, _, hook := unpushed(t)
	pids := filepath.Join(t.TempDir(), "pids")
	script(t, hook, "echo $$ >"+pids+"\nexec yes still working >&2")
	const reason = "git push prints more than 16777216 bytes of messages; the server reports: still working"
	givenUp(t, reason, func() error { return r.Push(t.Context(), "main") })
	ended(t, pids)
}

// A clone of the user's own is fetched into, and git locks its list of the commits at which the history ends.
func TestAFetchThatEndsInTheMiddleLeavesNoLocks(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	r := clone(t, url, CloneOptions{})
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Int())
	}
	push(t, url, map[string]string{"noise": string(noise)})
	dir := t.TempDir()
	pids := filepath.Join(dir, "pids")
	script(t, dir+"/ssh", sshOf+"sh -c \"$last\" | { dd bs=1 count=50000 2>/dev/null; sleep 600 & echo $$ $! >"+pids+"; wait; }")
	r.configure(t, "remote.origin.url", "host.invalid:"+url, "core.sshCommand", dir+"/ssh")
	r.url, r.opts.Timeout = "", 100*time.Millisecond
	givenUp(t, "git fetch takes more than 6s", func() error { return r.fetch(t.Context(), "main", 1, false) })
	ended(t, pids)
	var left []string
	if err := filepath.WalkDir(r.Dir+"/.git", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".lock") || strings.Contains(path, "tmp_") {
			left = append(left, path)
		}
		return err
	}); err != nil || len(left) > 0 {
		t.Errorf("%q, %v is left in the clone", left, err)
	}
	r.configure(t, "remote.origin.url", url)
	r.opts.Timeout = 0
	if err := r.fetch(t.Context(), "main", 1, false); err != nil {
		t.Errorf("the next fetch: %v", err)
	}
}
