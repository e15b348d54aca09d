package testtools

import (
	"strings"
	"sync"
)

// Lines is a reporter of progress that keeps what it gets. The zero value is ready to use, from many goroutines.
type Lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Line keeps a line.
func (l *Lines) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(text + "\n")
}

// Step keeps a line when a step begins and one when it ends.
func (l *Lines) Step(name, does string) func(string, error) {
	l.Line(name + ": " + does)
	return func(result string, _ error) { l.Line(name + " → " + result) }
}

// String is all that it got.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
