// Package kinds has errors with and without a kind, for the test of the test.
package kinds

import (
	"errors"
	"fmt"
	"os"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrA has no kind.
var ErrA = errors.New("a")

var (
	errB       = fmt.Errorf("b: %w", os.ErrNotExist)
	ErrC error = &NoKindError{}
	ErrD       = create()
)

var (
	ErrFine  = failure.New(failure.BadInput, "fine")
	ErrAlias = failure.ErrInput
	errWraps = fmt.Errorf("more: %w", ErrFine)
	errand   = "no error by its name"
)

type NoKindError struct{}

func (*NoKindError) Error() string { return errand }

type stringError string

func (stringError) Error() string { return "" }

// KindError has a kind.
type KindError struct{}

func (*KindError) Error() string      { return "" }
func (*KindError) Kind() failure.Kind { return failure.BadInput }

func create() error { return errWraps }
