package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// lockedError is the error of a push whose reference the server could not lock: another push has the lock at this moment, or no push ever
// gets it. It is an ErrPushDenied.
type lockedError struct{ error }

func (e lockedError) Unwrap() error { return e.error }

// What servers report of a rejected reference. Two pushes at the same time are reported by the reference's lock, not as "fetch first".
var (
	// raceTexts are reported when the reference has another commit than the push had read.
	raceTexts = []string{"but expected", "incorrect old value", "reference already exists"}
	// raceMessage is git's own message for it. Among what the server prints there are texts of its hooks, too.
	raceMessage = regexp.MustCompile(`cannot lock ref '.*': (is at \S+ but expected|reference is missing but expected|reference already exists)`)
	// lockTexts are reported of references that cannot be locked, for whatever reason.
	lockTexts = []string{"failed to update ref", "cannot lock ref", "failed to lock"}
	// lockRemedies has the reasons for which no push ever gets the lock.
	lockRemedies = []struct{ reason, remedy string }{
		{"exists; cannot create", besideRemedy}, {"refname conflict", besideRemedy},
		{"Permission denied", "give the server's user the right to write to the repository"},
	}
)

const besideRemedy = "git has no branch whose name is that of another one and a path below it; rename or delete one of the two"

// rejected gives a failed push its typed error.
func rejected(ctx context.Context, refspec string, err error) error {
	ce, ok := errors.AsType[*commandError](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	for line := range strings.Lines(ce.Stdout) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "!") {
			return rejection(refspec, line, ce.Stderr, err)
		}
	}
	return err
}

// rejection is the error of a push of which git reports a line about the reference that was rejected.
func rejection(refspec, line, stderr string, err error) error {
	if strings.Contains(line, "hook declined") { // whatever the hook prints
		return denied(refspec, line, stderr, "")
	}
	has := func(text string) bool { return strings.Contains(line, text) || strings.Contains(stderr, text) }
	race := strings.Contains(line, "[rejected]") || raceMessage.MatchString(stderr)
	for _, text := range raceTexts {
		race = race || strings.Contains(line, text)
	}
	if race {
		return fmt.Errorf("push %s: %w: %w", refspec, ErrRejected, err)
	}
	for _, text := range lockTexts {
		if !has(text) {
			continue
		}
		for _, permanent := range lockRemedies {
			if has(permanent.reason) {
				return denied(refspec, line, stderr, permanent.remedy)
			}
		}
		return lockedError{denied(refspec, line, stderr, "the branch does not move meanwhile, so a process that was killed may have left a lock on the server")}
	}
	return denied(refspec, line, stderr, "")
}

// denied is the error of a push that the server rejects, with the reason that it or its hooks print, and a remedy if one is known.
func denied(refspec, line, stderr, remedy string) error {
	why := strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(line, "!")), "\t", " ")
	if from := serverLines(stderr); from != "" {
		why += "; the server reports: " + from
	}
	if remedy != "" {
		why += "; " + remedy
	}
	return fmt.Errorf("push %s: %w: %s", refspec, ErrPushDenied, report.Printable(why))
}
