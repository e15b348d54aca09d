package testrun

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Report counts the tests of a run. A subtest belongs to its test and does not count by itself.
type Report struct {
	Run     int           `json:"run"`
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Elapsed time.Duration `json:"-"`
	// By is what was run: a command, HelmTest or Installation.
	By string `json:"by"`

	// goJSON is a command that prints what `go test -json` prints.
	goJSON bool
	// named is a run whose tests have names that help a reader.
	named bool
	cases []*testCase
	byKey map[string]*testCase
	tail  []string
	size  int // of all output that is kept, in bytes
}

// The results of a test, in the words of `go test -json`.
const (
	pass = "pass"
	fail = "fail"
	skip = "skip"
)

type testCase struct {
	pkg, name, result string
	elapsed           time.Duration
	output            []string
	size              int // of output, in bytes
}

func newReport(c config.Command) *Report {
	goJSON := c.Format == config.FormatGoJSON
	return &Report{goJSON: goJSON, named: goJSON, By: strings.Join(c.Command, " "), byKey: map[string]*testCase{}}
}

// Summary is one line about the run.
func (r *Report) Summary() string {
	s := fmt.Sprintf("%d passed, %d failed%s", r.Passed, r.Failed, r.failedNames())
	if r.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	return s + fmt.Sprintf(" in %s", r.Elapsed.Round(100*time.Millisecond))
}

// maxNames is the number of failed tests that a sentence names.
const maxNames = 3

// failedNames are the names of the failed tests, in brackets.
func (r *Report) failedNames() string {
	failed := r.failed()
	if len(failed) == 0 || !r.named {
		return ""
	}
	var names []string
	for _, c := range failed[:min(len(failed), maxNames)] {
		names = append(names, c.name)
	}
	more := ""
	if n := len(failed) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return " (" + strings.Join(names, ", ") + more + ")"
}

func (r *Report) failed() []*testCase {
	return slices.DeleteFunc(slices.Clone(r.cases), func(c *testCase) bool { return c.result != fail })
}

// maxRecap and maxRecapLine limit what Recap repeats of one test: lines, and bytes of each.
const (
	maxRecap     = 8
	maxRecapLine = 300
)

// message is how go test prints a message: file_test.go:12: what is wrong.
var message = regexp.MustCompile(`^\s*\S+\.go:\d+: |^panic: |^--- FAIL|^\s+--- FAIL`)

// Recap repeats for each failed test its first messages: in a long log the place where a test failed is far above the end, and some
// CI engines show the end only.
func (r *Report) Recap() []string {
	var out []string
	for _, c := range r.failed() {
		lines := strings.Split(strings.TrimRight(strings.Join(c.output, ""), "\n"), "\n")
		messages := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !message.MatchString(l) })
		if !r.goJSON || len(messages) == 0 {
			messages = lines[max(0, len(lines)-maxRecap):]
		}
		out = append(out, c.name+" failed:")
		for _, l := range messages[:min(len(messages), maxRecap)] {
			if len(l) > maxRecapLine {
				l = strings.ToValidUTF8(l[:maxRecapLine], "") + " …"
			}
			out = append(out, "  "+strings.TrimSpace(l))
		}
	}
	return out
}

func (r *Report) finish(ok bool, elapsed time.Duration) {
	r.Elapsed = elapsed
	if !r.goJSON {
		c := &testCase{pkg: r.By, name: "exit code", result: pass, elapsed: elapsed}
		if !ok {
			c.result, c.output = fail, []string{strings.Join(r.tail, "\n")}
		}
		r.cases = []*testCase{c}
	}
	r.count()
}

// Add adds the tests of a further run, under its name if there is one; other may be nil. An empty report becomes that of the run.
func (r *Report) Add(name string, other *Report) {
	if other == nil {
		return
	}
	if r.By == "" {
		r.By, r.named = other.By, other.named
	}
	if name != "" {
		name += ": "
	}
	r.Run, r.Passed, r.Failed, r.Skipped = r.Run+other.Run, r.Passed+other.Passed, r.Failed+other.Failed, r.Skipped+other.Skipped
	r.Elapsed += other.Elapsed
	for _, c := range other.cases {
		added := *c
		added.name = name + c.name
		r.cases = append(r.cases, &added)
	}
}

func (r *Report) count() {
	for _, c := range r.cases {
		switch c.result {
		case pass:
			r.Run++
			r.Passed++
		case skip:
			r.Skipped++
		default:
			// A test without a result was running when the binary ended: a crash, or the time limit.
			c.result = fail
			r.Run++
			r.Failed++
		}
	}
}
