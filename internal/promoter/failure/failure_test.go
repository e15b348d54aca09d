package failure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

type typed struct{ cause error }

func (*typed) Error() string   { return "typed" }
func (*typed) Kind() Kind      { return Rejected }
func (t *typed) Unwrap() error { return t.cause }

var (
	errInternal = New(Internal, "handled by a caller")
	errTest     = New(TestFailed, "a test failed")
	errRejected = New(Rejected, "rejected")
	errExternal = New(External, "no answer")
)

func TestOf(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}
	for name, c := range map[string]struct {
		err  error
		want Kind
	}{
		"an error that nobody foresaw":              {errors.New("x"), Internal},
		"a file that does not exist":                {os.ErrNotExist, Internal},
		"a sentinel":                                {ErrInput, BadInput},
		"a wrapped sentinel":                        {fmt.Errorf("a: %w", fmt.Errorf("b: %w", errExternal)), External},
		"a joined sentinel":                         {errors.Join(errors.New("x"), fmt.Errorf("a: %w", errTest)), TestFailed},
		"a type with a kind":                        {fmt.Errorf("a: %w", &typed{}), Rejected},
		"a failed test before all others":           {errors.Join(ErrInput, errExternal, errRejected, errTest), TestFailed},
		"a rejection before external failures":      {fmt.Errorf("%w: %w: %w", ErrInput, errExternal, errRejected), Rejected},
		"an external failure before bad input":      {fmt.Errorf("%w: %w", ErrInput, errExternal), External},
		"the cause of a type with a kind":           {&typed{errTest}, TestFailed},
		"an internal error that wraps an external":  {fmt.Errorf("%w: %w", errInternal, errExternal), External},
		"a full disk in place of bad input":         {fmt.Errorf("%w: %w", ErrInput, syscall.ENOSPC), External},
		"a time limit":                              {fmt.Errorf("%w: %w", ErrInput, context.DeadlineExceeded), External},
		"an interrupt":                              {context.Canceled, External},
		"a time limit in a test":                    {fmt.Errorf("%w: %w", errTest, context.DeadlineExceeded), TestFailed},
		"a program that is not installed":           {&exec.Error{Name: "git", Err: exec.ErrNotFound}, External},
		"a test command that is not installed":      {fmt.Errorf("%w: %w", ErrInput, exec.ErrNotFound), BadInput},
		"a directory that may not be written":       {denied, External},
		"a bad argument that may not be read":       {fmt.Errorf("%w: %w", ErrInput, denied), BadInput},
		"a disk that is read only":                  {&fs.PathError{Op: "open", Path: "/x", Err: syscall.EROFS}, External},
		"a quota that is used up":                   {&fs.PathError{Op: "write", Path: "/x", Err: syscall.EDQUOT}, External},
		"a permission that an internal error wraps": {fmt.Errorf("%w: %w", errInternal, denied), External},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestASentinelIsOnlyItself(t *testing.T) {
	if a, b := New(External, "x"), New(External, "x"); errors.Is(a, b) || !errors.Is(fmt.Errorf("y: %w", a), a) {
		t.Error("errors.Is takes two sentinels with one text for the same")
	}
}

func TestKindsAreTheDocumentedExitCodes(t *testing.T) {
	for kind, want := range map[Kind]string{1: "internal", 2: "invalid input", 3: "failed test", 4: "rejected", 5: "external"} {
		if kind.String() != want {
			t.Errorf("%d is %s, want %s", kind, kind, want)
		}
	}
}
