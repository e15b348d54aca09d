// Package failure sorts the release tool's errors by who has to act on them. Every error declares its own kind: a sentinel
// through New, a type through a Kind method.
package failure

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"syscall"
)

// Kind is who has to act on an error. Its number is the exit code.
type Kind int

const (
	// Internal is a fault of this program. It is also the kind of an error that a caller handles or wraps in one that knows more.
	Internal Kind = 1
	// BadInput is a configuration, a chart, a version or an argument that cannot be used.
	BadInput Kind = 2
	// TestFailed is a candidate that cannot be installed or whose tests fail or hang.
	TestFailed Kind = 3
	// Rejected is a promotion that a guard does not allow.
	Rejected Kind = 4
	// External is a repository, a registry, a cluster or a machine that does not do its part.
	External Kind = 5
)

func (k Kind) String() string {
	switch k {
	case BadInput:
		return "invalid input"
	case TestFailed:
		return "failed test"
	case Rejected:
		return "rejected"
	case External:
		return "external"
	default:
		return "internal"
	}
}

// ErrInput is an argument that cannot be used.
var ErrInput = New(BadInput, "invalid input")

type sentinel struct {
	kind Kind
	text string
}

func (s *sentinel) Error() string { return s.text }

// Kind is what New was given.
func (s *sentinel) Kind() Kind { return s.kind }

// New returns an error for errors.Is that knows its kind.
func New(kind Kind, text string) error { return &sentinel{kind, text} }

// precedence decides between the errors that one error wraps or joins. An external cause explains bad input better than the
// reverse, and a failed test is a result whatever else went wrong.
var precedence = []Kind{TestFailed, Rejected, External, BadInput}

var (
	// external errors come from other packages and are external by themselves.
	external = []error{syscall.ENOSPC, context.DeadlineExceeded, context.Canceled}
	// unlessKnown are external only where no error that wraps them knows more.
	unlessKnown = []error{exec.ErrNotFound, fs.ErrPermission, syscall.EROFS, syscall.EDQUOT}
)

// Of returns the kind of an error, through all that it wraps and joins. An error that no one foresaw is Internal.
func Of(err error) Kind {
	found := map[Kind]bool{}
	collect(err, found)
	found[External] = found[External] || isAny(err, external)
	for _, kind := range precedence {
		if found[kind] {
			return kind
		}
	}
	// A program that this one started and that failed is no fault of this program either.
	var exit *exec.ExitError
	if isAny(err, unlessKnown) || errors.As(err, &exit) {
		return External
	}
	return Internal
}

func collect(err error, found map[Kind]bool) {
	if err == nil {
		return
	}
	if e, ok := err.(interface{ Kind() Kind }); ok { //nolint:errorlint // this walks the chain itself
		found[e.Kind()] = true
	}
	switch e := err.(type) { //nolint:errorlint // this walks the chain itself
	case interface{ Unwrap() error }:
		collect(e.Unwrap(), found)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			collect(part, found)
		}
	}
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
