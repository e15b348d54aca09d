// Package report has what happened in a run of a scenario, and writes it as a timeline and for CI engines. It is pure.
package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// Results of a step.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// Kinds of entries in a timeline.
const (
	// KindStep is the begin of a step, KindResult its end.
	KindStep   = "step"
	KindResult = "result"
	// KindEvent is an event of Kubernetes about the network or its pods.
	KindEvent = "event"
	// KindNetwork is a change of the network's status: heights, best blocks, nodes that are ready, conditions.
	KindNetwork = "network"
	// KindNote is what a step reports meanwhile.
	KindNote = "note"
)

// Report is a run. It may be used by several goroutines.
type Report struct {
	Scenario  string    `json:"scenario"`
	Namespace string    `json:"namespace"`
	Network   string    `json:"network"`
	Seed      int64     `json:"seed"`
	Started   time.Time `json:"started"`
	Seconds   float64   `json:"seconds"`
	Result    string    `json:"result"`
	Error     string    `json:"error,omitempty"`
	Steps     []Step    `json:"steps"`
	Timeline  []Entry   `json:"timeline"`

	mu  sync.Mutex
	now func() time.Time
}

// Step is a step that was carried out, or left out.
type Step struct {
	Number   int     `json:"number"`
	Name     string  `json:"name"`
	Location string  `json:"location"`
	Result   string  `json:"result"`
	Seconds  float64 `json:"seconds"`
	Error    string  `json:"error,omitempty"`
}

// Entry is a moment of the timeline.
type Entry struct {
	// Seconds since the begin.
	Seconds float64 `json:"seconds"`
	Kind    string  `json:"kind"`
	// Object is what an event or a change is about.
	Object string `json:"object,omitempty"`
	Text   string `json:"text"`
}

// maxEntries bounds a timeline: a network may have any number of events.
const maxEntries = 100_000

// New begins a report.
func New(scenario string, now func() time.Time) *Report {
	return &Report{Scenario: scenario, Started: now(), now: now, Steps: []Step{}, Timeline: []Entry{}}
}

// Add adds an entry with the present time, or another one if it is known.
func (r *Report) Add(at time.Time, kind, object, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.IsZero() {
		at = r.now()
	}
	if len(r.Timeline) < maxEntries {
		r.Timeline = append(r.Timeline, Entry{seconds(at.Sub(r.Started)), kind, terminal.Line(object), terminal.Line(fmt.Sprintf(format, args...))})
	}
}

// Finish adds a step.
func (r *Report) Finish(step Step, took time.Duration) {
	r.mu.Lock()
	step.Seconds = seconds(took)
	r.Steps = append(r.Steps, step)
	r.mu.Unlock()
}

// End sets the result.
func (r *Report) End(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Seconds, r.Result = seconds(r.now().Sub(r.Started)), Passed
	if err != nil {
		r.Result, r.Error = Failed, terminal.Line(err.Error())
	}
	sortEntries(r.Timeline)
}

// sortEntries orders by time. Entries of one moment stay in their order.
func sortEntries(list []Entry) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].Seconds < list[j-1].Seconds; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// seconds with milliseconds.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// JSON is the whole report.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Parse reads what JSON wrote.
func Parse(text []byte) (*Report, error) {
	var r Report
	err := json.Unmarshal(text, &r)
	return &r, err
}

// Text is the timeline for a person.
func (r *Report) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "scenario %s on network %s/%s, seed %d, %s: %s after %.1fs\n", r.Scenario, r.Namespace, r.Network, r.Seed, r.Started.UTC().Format(time.RFC3339), r.Result, r.Seconds)
	marks := map[string]string{KindStep: "┌", KindResult: "└", KindEvent: "  ·", KindNetwork: "  ~", KindNote: "  -"}
	for _, e := range r.Timeline {
		object := e.Object
		if object != "" {
			object += ": "
		}
		fmt.Fprintf(&b, "%9.3fs %s %s%s\n", e.Seconds, marks[e.Kind], object, e.Text)
	}
	if r.Error != "" {
		fmt.Fprintf(&b, "error: %s\n", r.Error)
	}
	return []byte(b.String())
}

// JUnit is the report in the form that CI engines read: one suite, a case for each step.
func (r *Report) JUnit() ([]byte, error) {
	suite := junit.Testsuite{Name: printable(r.Scenario), Time: fmt.Sprintf("%.3f", r.Seconds), Timestamp: r.Started.UTC().Format(time.RFC3339)}
	suite.AddProperty("namespace", r.Namespace)
	suite.AddProperty("network", r.Network)
	suite.AddProperty("seed", fmt.Sprint(r.Seed))
	for _, step := range r.Steps {
		c := junit.Testcase{Classname: printable(r.Scenario), Name: printable(fmt.Sprintf("%d %s", step.Number, step.Name)), Time: fmt.Sprintf("%.3f", step.Seconds)}
		switch step.Result {
		case Failed:
			c.Failure = &junit.Result{Message: printable(step.Error), Data: printable(step.Location + ": " + step.Error)}
		case Skipped:
			c.Skipped = &junit.Result{Message: "an earlier step failed"}
		}
		suite.AddTestcase(c)
	}
	if r.Result == Failed && suite.Failures == 0 { // the end has failed: a network that may still exist
		c := junit.Testcase{Classname: printable(r.Scenario), Name: "the end of the scenario", Time: "0.000"}
		c.Failure = &junit.Result{Message: printable(r.Error), Data: printable(r.Error)}
		suite.AddTestcase(c)
	}
	var doc junit.Testsuites
	doc.AddSuite(suite)
	out := bytes.NewBufferString(xml.Header)
	err := doc.WriteXML(out)
	return out.Bytes(), err
}

// printable removes what XML cannot hold.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == 0xfffe || c == 0xffff {
			return -1
		}
		return c
	}, terminal.Line(text))
}
