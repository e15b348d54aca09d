package testrun

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The limits of what Recap repeats of one test, or of one subtest: its first and its last messages, in lines, and the bytes of each line.
const (
	maxFirst     = 3
	maxLast      = 20
	maxRecapLine = 300
	// maxRecapped is the number of subtests of one test that are repeated.
	maxRecapped = 5
)

// message is how go test prints a message: file_test.go:12: what is wrong.
var message = regexp.MustCompile(`^\s*\S+\.go:\d+: |^panic: `)

// maxUnfinished is the number of subtests of one test whose messages are kept at the same time.
const maxUnfinished = 1000

// messages are the first and the last messages of a test. A test that logs what it does has the one about its failure at the end, and
// one that reports each wrong value has the one that matters at the beginning.
type messages struct {
	first, last []string
	dropped     int // in between
	// failed is false for a subtest that never ended, which is most often innocent of the end of the program.
	failed, panicked bool
}

func (m *messages) add(line string) {
	if !message.MatchString(line) {
		return
	}
	m.panicked = m.panicked || strings.HasPrefix(line, "panic: ")
	line = shorten(strings.TrimSpace(line), maxRecapLine)
	if len(m.first) < maxFirst {
		m.first = append(m.first, line)
		return
	}
	if len(m.last) == maxLast {
		m.last, m.dropped = m.last[1:], m.dropped+1
	}
	m.last = append(m.last, line)
}

func (m *messages) lines() []string {
	if m.dropped == 0 {
		return slices.Concat(m.first, m.last)
	}
	return slices.Concat(m.first, []string{fmt.Sprintf("… (%d messages more)", m.dropped)}, m.last)
}

// note follows the messages of a test and its subtests.
func (c *testCase) note(e event) {
	switch e.Action {
	case "output", fail:
		m := c.messages[e.Test]
		if m == nil {
			if len(c.messages) >= maxUnfinished {
				return
			}
			m = &messages{}
			c.messages[e.Test] = m
		}
		m.failed = m.failed || e.Action == fail
		m.add(e.Output)
	case pass, skip:
		delete(c.messages, e.Test)
	}
}

// Recap repeats for each failed test some of its messages: in a long log the place where a test failed is far above the end, and some
// CI engines show the end only. Of a test with subtests, it repeats those of the failed ones.
func (r *Report) Recap() []string {
	var out []string
	for _, c := range r.failed() {
		names := c.culprits()
		for _, name := range names[:min(len(names), maxRecapped)] {
			out = append(out, name+" failed:")
			for _, l := range c.messages[name].lines() {
				out = append(out, "  "+l)
			}
		}
		if n := len(names) - maxRecapped; n > 0 {
			out = append(out, fmt.Sprintf("%s: %d subtests more", c.name, n))
		}
		if len(names) == 0 {
			out = append(append(out, c.name+" failed:"), c.end()...)
		}
	}
	return out
}

// culprits are the test and its subtests that have messages: those that failed, without those of which a subtest failed too, and those that
// panicked. Go prints a panic of a subtest as output of the test. Where no such one has a message, they are those that never ended.
func (c *testCase) culprits() []string {
	var failed, unfinished []string
	for _, name := range slices.Sorted(maps.Keys(c.messages)) {
		switch m := c.messages[name]; {
		case len(m.first) == 0:
		case m.panicked, m.failed && !c.hasFailedPart(name):
			failed = append(failed, name)
		case !m.failed:
			unfinished = append(unfinished, name)
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return unfinished
}

// hasFailedPart is whether a subtest of a test, or of a subtest, has failed with a message.
func (c *testCase) hasFailedPart(name string) bool {
	for other, m := range c.messages {
		if m.failed && len(m.first) > 0 && strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

// end are the last lines of the test's output.
func (c *testCase) end() []string {
	lines := strings.Split(strings.TrimRight(strings.Join(c.output, ""), "\n"), "\n")
	lines = slices.Clone(lines[max(0, len(lines)-maxFirst-maxLast):])
	for i, l := range lines {
		lines[i] = "  " + shorten(strings.TrimSpace(l), maxRecapLine)
	}
	return lines
}
