package gitrepo

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
)

// MinVersion is the oldest git that has all that is used here, the option --sparse of git add at last. An older one does not reject all
// that it lacks: without GIT_CONFIG_COUNT (2.31) it ignores credentials and settings, without --end-of-options of rev-parse (2.30) no
// commit exists.
const MinVersion = "2.34"

var gitVersion = regexp.MustCompile(`^git version (\d+)\.(\d+)`)

// CheckVersion returns the version of the git that is installed. Errors: ErrTooOld.
func CheckVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("git is not installed, or cannot run; install git %s or later: %w", MinVersion, err)
	}
	return checkVersion(strings.TrimSpace(string(out)))
}

// checkVersion evaluates the output of git --version. A version in an unknown form is accepted.
func checkVersion(printed string) (string, error) {
	var major, minor int
	if m := gitVersion.FindStringSubmatch(printed); m != nil {
		_, _ = fmt.Sscan(m[1]+" "+m[2], &major, &minor)
		if major < 2 || major == 2 && minor < 34 {
			return printed, fmt.Errorf("%s: %w: install git %s or later", printed, ErrTooOld, MinVersion)
		}
	}
	return printed, nil
}

// recentEnough has the path of each git that was found to be recent enough.
var recentEnough sync.Map

// rejectOld checks the version of a git once in a process. One that is missing or cannot run is the error of the command itself.
func rejectOld(ctx context.Context) error {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil
	}
	if _, known := recentEnough.Load(path); known {
		return nil
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil
	}
	if _, err := checkVersion(strings.TrimSpace(string(out))); err != nil {
		return err
	}
	recentEnough.Store(path, true)
	return nil
}
