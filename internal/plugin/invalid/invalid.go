// Package invalid is the error of input that cannot be right, whatever the cluster's state is: the exit code of the program depends on it.
package invalid

import "fmt"

// Error is such an error. Its text is one sentence with what is allowed.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

// Errorf formats the sentence.
func Errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }
