package testrun

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The libraries that parse `go test -json` do not fit here: gotestsum's testjson gives up at a line of more than 64 KiB and keeps all
// output of a running test, and go-junit-report's parser returns nothing before the end.

// event is one line of `go test -json`, see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

const (
	// maxOutput is the number of lines of one test that are kept for the report.
	maxOutput = 2000
	// maxTail is the number of lines of a command that are kept for the report; between maxTail and twice as many are in memory.
	maxTail = 100
)

// line takes one line of output and returns what a person should see of it.
func (r *Report) line(text string) (shown string, show bool) {
	r.tail = append(r.tail, shorten(text, maxTailLine))
	if len(r.tail) > 2*maxTail {
		r.tail = slices.Delete(r.tail, 0, len(r.tail)-maxTail)
	}
	var e event
	if !r.goJSON || !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &e) != nil {
		return text, true
	}
	return r.event(e)
}

func (r *Report) event(e event) (string, bool) {
	c, sub := r.testOf(e)
	if c != nil {
		c.note(e)
	}
	switch e.Action {
	case "output", "build-output":
		r.keep(c, e.Output)
		out := strings.TrimRight(e.Output, "\n")
		return out, out != "" && !isNoise(out)
	case pass, fail, skip:
		if c != nil && !sub {
			c.result, c.elapsed = e.Action, time.Duration(e.Elapsed*float64(time.Second))
		}
	}
	return "", false
}

// keep keeps output of a test for the report, up to the limits.
func (r *Report) keep(c *testCase, out string) {
	if c == nil || len(c.output) >= maxOutput {
		return
	}
	room := min(maxTestOutput-c.size, maxAllOutput-r.size)
	if room <= 0 {
		return
	}
	out = shorten(out, room)
	c.output = append(c.output, out)
	c.size, r.size = c.size+len(out), r.size+len(out)
}

// testOf is the test that an event belongs to, nil for an event of a package; sub is true for an event of a subtest.
func (r *Report) testOf(e event) (c *testCase, sub bool) {
	if e.Test == "" {
		return nil, false
	}
	name, _, sub := strings.Cut(e.Test, "/")
	key := e.Package + " " + name
	if r.byKey[key] == nil {
		r.byKey[key] = &testCase{pkg: e.Package, name: name, messages: map[string]*messages{}}
		r.cases = append(r.cases, r.byKey[key])
	}
	return r.byKey[key], sub
}

// isNoise reports whether a person need not read a line of go test: "=== RUN" precedes the "--- PASS" that has the time, and packages
// without a test that matches do not matter.
func isNoise(out string) bool {
	return out == "PASS" || out == "testing: warning: no tests to run" || strings.HasPrefix(out, "=== ") || strings.HasPrefix(out, "?   ") || strings.HasSuffix(out, "[no tests to run]")
}
