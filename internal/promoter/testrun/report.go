package testrun

import (
	"fmt"
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
	// messages are those of the test and its subtests by their names, without those that have passed or were skipped.
	messages map[string]*messages
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
