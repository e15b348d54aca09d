package testrun

import (
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

// messages are the first and the last messages of a test. A test that logs what it does has the one about its failure at the end, and
// one that reports each wrong value has the one that matters at the beginning.
type messages struct{ first, last []string }

func (m *messages) add(line string) {
	switch {
	case !message.MatchString(line):
	case len(m.first) < maxFirst:
		m.first = append(m.first, line)
	default:
		m.last = append(m.last[max(0, len(m.last)-maxLast+1):], line)
	}
}

// note follows the messages of a test and its subtests.
func (c *testCase) note(e event) {
	switch e.Action {
	case "output":
		if c.messages[e.Test] == nil {
			c.messages[e.Test] = &messages{}
		}
		c.messages[e.Test].add(e.Output)
	case pass, skip:
		delete(c.messages, e.Test)
	}
}

// Recap repeats for each failed test some of its messages: in a long log the place where a test failed is far above the end, and some
// CI engines show the end only. Of a test with subtests, it repeats those of the failed ones.
func (r *Report) Recap() []string {
	var out []string
	for _, c := range r.failed() {
		names := c.failedLeaves()
		for _, name := range names[:min(len(names), maxRecapped)] {
			out = append(append(out, name+" failed:"), c.lines(name)...)
		}
		if len(names) == 0 {
			out = append(append(out, c.name+" failed:"), c.lines("")...)
		}
	}
	return out
}

// failedLeaves are the test and its subtests that failed, or never ended, without those that have a subtest among them.
func (c *testCase) failedLeaves() []string {
	names := slices.Sorted(maps.Keys(c.messages))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

// lines are the messages of a test or subtest; without any, the last lines of the test's output.
func (c *testCase) lines(name string) []string {
	lines := strings.Split(strings.TrimRight(strings.Join(c.output, ""), "\n"), "\n")
	lines = lines[max(0, len(lines)-maxFirst-maxLast):]
	if m := c.messages[name]; m != nil && len(m.first) > 0 {
		lines = slices.Concat(m.first, m.last)
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + shorten(strings.TrimSpace(l), maxRecapLine)
	}
	return out
}
