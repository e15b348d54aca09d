package report

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// clock is a time that a test moves.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func failed() *Report {
	c := &clock{time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)}
	r := New("s", c.now)
	r.Network, r.Namespace, r.Seed = "net", "ns", 7
	r.Add(time.Time{}, KindStep, "", "step 1: begin")
	c.Time = c.Add(1500 * time.Millisecond)
	r.Add(time.Time{}, KindResult, "", "step 1: passed")
	r.Add(c.Add(-time.Second), KindEvent, "pod net-sts-0", "Killing: \x1b[2J\n%s", "]]>\uffff")
	r.Finish(Step{Number: 1, Name: "first", Location: "s.yaml:3", Result: Passed}, 1500*time.Millisecond)
	r.Finish(Step{Number: 2, Name: "second\x1b", Location: "s.yaml:5", Result: Failed, Error: "expected <1>\x00"}, time.Second)
	r.Finish(Step{Number: 3, Name: "third", Location: "s.yaml:9", Result: Skipped}, 0)
	r.End(&junitError{})
	return r
}

type junitError struct{}

func (*junitError) Error() string { return "it is\nbroken" }

func TestTheTimelineIsInTheOrderOfTimes(t *testing.T) {
	const want = `scenario s on network ns/net, seed 7, 2026-11-29T08:00:00Z: failed after 1.5s
    0.000s ┌ step 1: begin
    0.500s   · pod net-sts-0: Killing: \u001b[2J\n]]>` + "\uffff" + `
    1.500s └ step 1: passed
error: it is\nbroken
`
	if got := string(failed().Text()); got != want {
		t.Errorf("the text is\n%s\nand should be\n%s", got, want)
	}
}

func TestTheReportIsReadAsItWasWritten(t *testing.T) {
	r := failed()
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Text()) != string(r.Text()) || len(again.Steps) != 3 || again.Result != Failed {
		t.Errorf("it has become\n%s", again.Text())
	}
}

func TestJUnitHasACaseForEachStep(t *testing.T) {
	text, err := failed().JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var doc junit.Testsuites
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	s := doc.Suites[0]
	if doc.Tests != 3 || doc.Failures != 1 || doc.Skipped != 1 || s.Name != "s" || s.Time != "1.500" || s.Testcases[1].Name != `2 second\u001b` ||
		s.Testcases[1].Failure.Message != `expected <1>\u0000` || !strings.HasPrefix(s.Testcases[1].Failure.Data, "s.yaml:5: ") || s.Testcases[2].Skipped == nil {
		t.Errorf("the report is\n%s", text)
	}
}

// A network that may still exist fails the run, and its report too.
func TestJUnitHasAFailedEnd(t *testing.T) {
	r := New("s", time.Now)
	r.Finish(Step{Number: 1, Name: "mine", Result: Passed}, time.Second)
	r.End(errors.New("the network may still exist"))
	text, err := r.JUnit()
	if err != nil || !strings.Contains(string(text), `failures="1"`) || !strings.Contains(string(text), "the network may still exist") {
		t.Errorf("the report is %s (%v)", text, err)
	}
}
