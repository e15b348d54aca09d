package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// counted is a change of one file that counts its calls.
func counted(t *testing.T, calls *int) func(string) (string, bool, error) {
	return func(dir string) (string, bool, error) {
		*calls++
		write(t, filepath.Join(dir, "a"), fmt.Sprint("change ", *calls))
		return "change", true, nil
	}
}

// isDenied checks that a push was denied for a reason that the server printed, after one call of the change.
func isDenied(t *testing.T, err error, calls int, words ...string) {
	t.Helper()
	if !errors.Is(err, ErrPushDenied) || errors.Is(err, ErrRejected) || errors.Is(err, ErrAuth) || failure.Of(err) != failure.External {
		t.Fatalf("(%s) %v; want ErrPushDenied alone", failure.Of(err), err)
	}
	if calls != 1 {
		t.Errorf("the change was called %d times", calls)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v\nlacks %q", err, word)
		}
	}
}

func hook(t *testing.T, url, script string) {
	t.Helper()
	path := filepath.Join(url, "hooks", "pre-receive")
	write(t, path, "#!/bin/sh\n"+script)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestABranchBelowOrAboveAnotherOneIsDeniedAtOnce(t *testing.T) {
	t.Parallel()
	for present, proposed := range map[string]string{"chart-promoter": "chart-promoter/x", "chart-promoter/x": "chart-promoter"} {
		url := remoteWith(t, map[string]string{"a": "1"})
		(&Repo{Dir: url}).must(t, "update-ref", "refs/heads/"+present, "refs/heads/main")
		calls := 0
		_, err := Propose(t.Context(), url, "main", proposed, counted(t, &calls), UpdateOptions{})
		isDenied(t, err, calls, "HEAD:refs/heads/"+proposed, "'refs/heads/"+present+"' exists", "rename or delete one of the two")
	}
}

func TestALockThatStaysOnTheServerIsDenied(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	write(t, filepath.Join(url, "refs/heads/main.lock"), "")
	calls := 0
	_, _, err := Update(t.Context(), url, "main", counted(t, &calls), UpdateOptions{})
	isDenied(t, err, calls, "main.lock': File exists", "may have left a lock on the server")
}

func TestARepositoryThatTheServerCannotWriteIsDeniedAtOnce(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		testtools.AsUser(t) // root may write everywhere
		return
	}
	url := remoteWith(t, map[string]string{"a": "1"})
	heads := filepath.Join(url, "refs", "heads")
	if err := os.Chmod(heads, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(heads, 0o755) })
	calls := 0
	_, _, err := Update(t.Context(), url, "main", counted(t, &calls), UpdateOptions{})
	isDenied(t, err, calls, "main.lock': Permission denied", "the right to write")
}

func TestAPushWaitsForTheLockOfAnotherOneThatChangesNothing(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	hook(t, url, "if [ -e refs/heads/main.lock ]; then rm refs/heads/main.lock; else : >refs/heads/main.lock; fi\n")
	calls := 0
	commit, changed, err := Update(t.Context(), url, "main", counted(t, &calls), UpdateOptions{})
	if err != nil || !changed || calls != 1 {
		t.Fatalf("changed %v after %d calls, %v", changed, calls, err)
	}
	if head, err := (&Repo{Dir: url}).Resolve(t.Context(), "refs/heads/main"); err != nil || head != commit {
		t.Errorf("main is at %s, %v; want %s", head, err, commit)
	}
}

// While the first push is received, another one moves the branch and still has its lock.
func TestTheChangeIsRepeatedOnTheCommitOfThePushThatHadTheLock(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	bare := &Repo{Dir: url}
	first := bare.must(t, "rev-parse", "refs/heads/main")
	push(t, url, map[string]string{"other": "came first"})
	bare.must(t, "update-ref", "refs/heads/other", "refs/heads/main")
	bare.must(t, "update-ref", "refs/heads/main", first)
	hook(t, url, "if [ -e refs/heads/main.lock ]; then rm refs/heads/main.lock; else : >refs/heads/main.lock; cp refs/heads/other refs/heads/main; fi\n")
	calls := 0
	_, changed, err := Update(t.Context(), url, "main", counted(t, &calls), UpdateOptions{})
	if err != nil || !changed || calls != 2 {
		t.Fatalf("changed %v after %d calls, %v; want a second call on the new head", changed, calls, err)
	}
	if a, other := bare.at(t, "refs/heads/main", "a"), bare.at(t, "refs/heads/main", "other"); a != "change 2" || other != "came first" {
		t.Errorf("main has %q and %q", a, other)
	}
}

// What other servers and other versions of git report.
func TestRejectionsAreRacesLocksOrFinal(t *testing.T) {
	t.Parallel()
	const race, lock, final = "race", "lock", "final"
	for text, c := range map[string]struct{ line, stderr, want string }{
		"another push came before this one began":    {"[rejected] (fetch first)", "", race},
		"the branch of a proposal was replaced":      {"[rejected] (stale info)", "", race},
		"the branch moved during the push":           {"[remote rejected] (cannot lock ref 'refs/heads/main': is at 1f3 but expected 2e4)", "", race},
		"the same, as git's own server reports it":   {"[remote rejected] (failed to update ref)", "remote: error: cannot lock ref 'refs/heads/main': is at 1f3 but expected 2e4", race},
		"the same, with git 2.50":                    {"[remote rejected] (incorrect old value provided)", "", race},
		"the first push to a branch came before":     {"[remote rejected] (reference already exists)", "", race},
		"the same, as git's own server reports that": {"[remote rejected] (failed to update ref)", "remote: error: cannot lock ref 'refs/heads/main': reference already exists", race},
		"the branch was deleted during the push":     {"[remote rejected] (failed to update ref)", "remote: error: cannot lock ref 'refs/heads/main': reference is missing but expected 2e4", race},
		"a lock, with JGit":                          {"[remote rejected] (failed to lock)", "", lock},
		"no reason":                                  {"[remote rejected] (failed to update ref)", "", lock},
		"a branch below another, with git 2.50":      {"[remote rejected] (refname conflict)", "remote: error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists", final},
		"a hook":                                     {"[remote rejected] (pre-receive hook declined)", "remote: no", final},
		"a hook with words of the file system":       {"[remote rejected] (pre-receive hook declined)", "remote: Permission denied to bot", final},
		"a hook with words of a race":                {"[remote rejected] (pre-receive hook declined)", "remote: title is 'x' but expected 'y'", final},
		"a hook with words of a new branch":          {"[remote rejected] (pre-receive hook declined)", "remote: reference already exists in the tracker", final},
		"a hook with git's message":                  {"[remote rejected] (update hook declined)", "remote: error: cannot lock ref 'refs/heads/log': is at 1f3 but expected 2e4", final},
		"a server's rule with words of a race":       {"[remote rejected] (push declined due to repository rule violations)", "remote: title is 'x' but expected 'y'", final},
	} {
		ce := &commandError{verb: "push", Stdout: "To x\n!\tHEAD:refs/heads/main\t" + c.line + "\nDone\n", Stderr: c.stderr, err: errors.New("exit status 1")}
		err := rejected(t.Context(), "HEAD:refs/heads/main", ce)
		_, locked := errors.AsType[lockedError](err)
		got := map[bool]string{true: race, false: final}[errors.Is(err, ErrRejected)]
		if locked {
			got = lock
		}
		if got != c.want || (got == race) == errors.Is(err, ErrPushDenied) {
			t.Errorf("%s: a %s, not a %s: %v", text, got, c.want, err)
		}
	}
}
