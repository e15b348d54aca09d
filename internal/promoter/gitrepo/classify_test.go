package gitrepo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func TestARejectedPushHasTheReasonThatTheServerPrints(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	hook := "#!/bin/sh\nprintf 'error: GH006: Protected branch update failed.\\nChanges must come through a \\033[31mpull\\033[0m request\\007.\\n' >&2\nexit 1\n"
	write(t, url+"/hooks/pre-receive", hook)
	if err := os.Chmod(url+"/hooks/pre-receive", 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		write(t, filepath.Join(dir, "a"), "2")
		return "two", true, nil
	}, UpdateOptions{})
	if !errors.Is(err, ErrPushDenied) || failure.Of(err) != failure.External {
		t.Fatalf("%v", err)
	}
	const want = "GH006: Protected branch update failed. Changes must come through a pull request."
	if !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\x1b\a\n") {
		t.Errorf("%q\nlacks %q, or has characters that a terminal obeys", err, want)
	}
}

func TestWhatAServerPrintsIsBounded(t *testing.T) {
	t.Parallel()
	if n := len(serverLines(strings.Repeat("remote: "+strings.Repeat("ä", 100)+"\n", 100))); n > 1010 {
		t.Errorf("%d bytes", n)
	}
	if got := serverLines("Counting objects\nTo x\n"); got != "" {
		t.Errorf("%q without an answer of the server", got)
	}
}

func TestARepositoryOfAnotherUserIsInvalidInputWithGitsOwnRemedy(t *testing.T) {
	r := history(t)
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	_, err := Open(t.Context(), r.Dir, Options{})
	if !errors.Is(err, ErrOwnership) || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "git config --global --add safe.directory "+r.Dir) {
		t.Errorf("(%s) %v", failure.Of(err), err)
	}
	_, err = Clone(t.Context(), r.Dir, filepath.Join(t.TempDir(), "c"), CloneOptions{})
	if !errors.Is(err, ErrOwnership) || failure.Of(err) != failure.BadInput {
		t.Errorf("a clone: (%s) %v", failure.Of(err), err)
	}
}

func TestACommandOfGitThatFailsIsNoFaultOfThisProgram(t *testing.T) {
	t.Parallel()
	r := history(t)
	_, err := r.git(t.Context(), "cat-file", "blob", "HEAD")
	if failure.Of(err) != failure.External {
		t.Errorf("(%s) %v", failure.Of(err), err)
	}
}
