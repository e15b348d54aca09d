package pipeline

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// TestReport counts the tests of a run. Subtests belong to their test and are not counted by themselves.
type TestReport struct {
	Run     int           `json:"run"`
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Elapsed time.Duration `json:"-"`
	// By says what was run.
	By string `json:"by"`

	goJSON bool
	cases  map[string]*testCase
	order  []string
	tail   []string
}

type testCase struct {
	pkg, name, result string
	elapsed           float64
	output            []string
}

func newReport(c config.Command) *TestReport {
	return &TestReport{goJSON: c.Format == "go-json", By: strings.Join(c.Command, " "), cases: map[string]*testCase{}}
}

// Summary is the line that ends a run.
func (r *TestReport) Summary() string {
	s := fmt.Sprintf("%d passed, %d failed%s", r.Passed, r.Failed, r.names())
	if r.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	return s + fmt.Sprintf(" in %s", r.Elapsed.Round(100*time.Millisecond))
}

// maxNames is how many failed tests a sentence names.
const maxNames = 3

// names are those of the failed tests, in brackets.
func (r *TestReport) names() string {
	failed := r.failed()
	if len(failed) == 0 || !r.goJSON && r.By != byHooks {
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

func (r *TestReport) failed() []*testCase {
	var out []*testCase
	for _, key := range r.order {
		if c := r.cases[key]; c.result == "fail" {
			out = append(out, c)
		}
	}
	return out
}

// maxRecap and maxRecapLine bound what Recap repeats of one test: lines, and bytes of each.
const (
	maxRecap     = 8
	maxRecapLine = 300
)

// said is where go test puts a message: file_test.go:12: what is wrong.
var said = regexp.MustCompile(`^\s*\S+\.go:\d+: |^panic: |^--- FAIL|^\s+--- FAIL`)

// Recap says for each failed test what it said first: in a long log, the place where a test failed is far above the end,
// and some CI engines show the end only.
func (r *TestReport) Recap() []string {
	var out []string
	for _, c := range r.failed() {
		lines := strings.Split(strings.TrimRight(strings.Join(c.output, ""), "\n"), "\n")
		messages := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !said.MatchString(l) })
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

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// line takes one line of output and gives what a person should see of it.
func (r *TestReport) line(text string) (say string, show bool) {
	r.tail = append(r.tail, text)
	if len(r.tail) > 200 {
		r.tail = slices.Delete(r.tail, 0, len(r.tail)-100)
	}
	if !r.goJSON {
		return text, true
	}
	var e event
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &e) != nil {
		return text, true
	}
	return r.event(e)
}

// maxOutput is how many lines of one test are kept for the report.
const maxOutput = 2000

func (r *TestReport) event(e event) (string, bool) {
	top, _, sub := strings.Cut(e.Test, "/")
	var c *testCase
	if e.Test != "" {
		key := e.Package + " " + top
		if c = r.cases[key]; c == nil {
			c = &testCase{pkg: e.Package, name: top}
			r.cases[key] = c
			r.order = append(r.order, key)
		}
	}
	switch e.Action {
	case "output", "build-output":
		if c != nil && len(c.output) < maxOutput {
			c.output = append(c.output, e.Output)
		}
		out := strings.TrimRight(e.Output, "\n")
		return out, out != "" && !noise(out)
	case "pass", "fail", "skip":
		if c != nil && !sub {
			c.result, c.elapsed = e.Action, e.Elapsed
		}
	}
	return "", false
}

// noise is what go test says that a person need not read: "=== RUN" before the "--- PASS" that has the time, and packages
// without a test that matches.
func noise(out string) bool {
	return out == "PASS" || out == "testing: warning: no tests to run" || strings.HasPrefix(out, "=== ") || strings.HasPrefix(out, "?   ") || strings.HasSuffix(out, "[no tests to run]")
}

func (r *TestReport) finish(ok bool, elapsed time.Duration) {
	r.Elapsed = elapsed
	if !r.goJSON {
		r.Run = 1
		c := &testCase{pkg: r.By, name: "exit code", result: "pass", elapsed: elapsed.Seconds()}
		if !ok {
			c.result, c.output = "fail", []string{strings.Join(r.tail, "\n")}
		}
		r.cases, r.order = map[string]*testCase{"": c}, []string{""}
	}
	r.count()
}

func (r *TestReport) count() {
	r.Run = 0
	for _, key := range r.order {
		switch c := r.cases[key]; c.result {
		case "pass":
			r.Run++
			r.Passed++
		case "skip":
			r.Skipped++
		default:
			// A test without a result was running when the binary ended: a crash, or the time limit.
			c.result = "fail"
			r.Run++
			r.Failed++
		}
	}
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the report in the form that CI engines read.
func (r *TestReport) JUnit() ([]byte, error) {
	var doc junitSuites
	at := map[string]int{}
	total := map[string]float64{}
	for _, key := range r.order {
		c := r.cases[key]
		i, ok := at[c.pkg]
		if !ok {
			i = len(doc.Suites)
			at[c.pkg] = i
			doc.Suites = append(doc.Suites, junitSuite{Name: c.pkg})
		}
		s := &doc.Suites[i]
		jc := junitCase{Class: c.pkg, Name: c.name, Time: fmt.Sprintf("%.3f", c.elapsed)}
		switch c.result {
		case "fail":
			s.Failures++
			jc.Failure = &junitMessage{Message: "failed", Text: printable(strings.Join(c.output, ""))}
		case "skip":
			s.Skipped++
			jc.Skipped = &junitMessage{Message: "skipped", Text: printable(strings.Join(c.output, ""))}
		}
		s.Tests++
		total[c.pkg] += c.elapsed
		s.Time = fmt.Sprintf("%.3f", total[c.pkg])
		s.Cases = append(s.Cases, jc)
	}
	out, err := xml.MarshalIndent(doc, "", "  ")
	return append([]byte(xml.Header), append(out, '\n')...), err
}

// printable takes out what XML cannot hold, the colours of a terminal above all.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' {
			return -1
		}
		return c
	}, s)
}
