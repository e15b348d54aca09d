// Package report is how the steps of the pipeline and the packages below them report progress to a person.
package report

import "fmt"

// Reporter shows progress to a person.
type Reporter interface {
	// Step begins a step; the function that it returns ends it, with one line of result or an error.
	Step(name, does string) (done func(result string, err error))
	// Line reports one thing within a step.
	Line(text string)
}

// Linef reports one formatted line; without a reporter it does nothing.
func Linef(r Reporter, format string, args ...any) {
	if r != nil {
		r.Line(fmt.Sprintf(format, args...))
	}
}

// Lines is the function that reports lines to a reporter, for packages that take such a function.
func Lines(r Reporter) func(string) {
	return func(text string) { Linef(r, "%s", text) }
}

// Begin begins a step; without a reporter it does nothing.
func Begin(r Reporter, name, does string) (done func(result string, err error)) {
	if r == nil {
		return func(string, error) {}
	}
	return r.Step(name, does)
}
