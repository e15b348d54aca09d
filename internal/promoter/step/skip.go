package step

import "github.com/christianb93/bitcoin-controller/internal/promoter/failure"

// SkipReason is why a step has nothing to do.
type SkipReason int

const (
	// Untrusted is the build of a pull request or of a fork, which has no credentials.
	Untrusted SkipReason = iota + 1
	// DryRun is a run that changes nothing.
	DryRun
	// Waiting is a candidate that is in no branch of the repository before its pull request is merged.
	Waiting
	// NoCandidate is a run in which bump was skipped.
	NoCandidate
	// NotTested is a run in which verify was skipped.
	NotTested
	// Unreleased is a development build or a prerelease that the stage never accepts.
	Unreleased
	// TooYoung is a package that a stage accepts later.
	TooYoung

	// Outdated is the build of a commit that is older than the one of a candidate which exists.
	Outdated
)

// Skip is the error of a step that has nothing to do. It is no failure: the command line ends with success.
type Skip struct {
	Reason SkipReason
	// Why is one sentence about the reason.
	Why string
}

func (s *Skip) Error() string { return s.Why }

// Kind is Internal, as a skip is no failure.
func (s *Skip) Kind() failure.Kind { return failure.Internal }
