package pipeline

import "github.com/christianb93/bitcoin-controller/internal/promoter/failure"

var (
	// ErrInput is an argument that cannot be used.
	ErrInput = failure.ErrInput
	// ErrTest is tests that failed.
	ErrTest = failure.New(failure.TestFailed, "the tests failed")
	// ErrHung is tests that did not end in time.
	ErrHung = failure.New(failure.TestFailed, "the tests did not end in time")
	// ErrNoTests is a command that ran no test at all.
	ErrNoTests = failure.New(failure.TestFailed, "no test was run")
	// ErrRefused is a promotion that a guard rejects.
	ErrRefused = failure.New(failure.Rejected, "refused")
	// ErrBusy is another run that works in the same directory.
	ErrBusy = failure.New(failure.BadInput, "another run is at work")
)

// Skip is a step that has nothing to do, and the reason.
type Skip struct{ Why string }

func (s *Skip) Error() string { return s.Why }

// Kind is Internal, as a skip is no failure: the command line ends with success.
func (s *Skip) Kind() failure.Kind { return failure.Internal }
