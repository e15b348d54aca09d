package testrun

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// JUnit is the report in the form that CI engines read: a suite for each package.
func (r *Report) JUnit() ([]byte, error) {
	var order []string
	suites := map[string]*junit.Testsuite{}
	total := map[string]time.Duration{}
	for _, c := range r.cases {
		s := suites[c.pkg]
		if s == nil {
			s = &junit.Testsuite{Name: c.pkg}
			suites[c.pkg], order = s, append(order, c.pkg)
		}
		tc := junit.Testcase{Classname: c.pkg, Name: c.name, Time: seconds(c.elapsed)}
		switch c.result {
		case fail:
			tc.Failure = &junit.Result{Message: "failed", Data: printable(strings.Join(c.output, ""))}
		case skip:
			tc.Skipped = &junit.Result{Message: "skipped", Data: printable(strings.Join(c.output, ""))}
		}
		s.AddTestcase(tc)
		total[c.pkg] += c.elapsed
	}
	var doc junit.Testsuites
	for i, pkg := range order {
		s := suites[pkg]
		s.ID, s.Time = i, seconds(total[pkg])
		doc.AddSuite(*s)
	}
	out := bytes.NewBufferString(xml.Header)
	err := doc.WriteXML(out)
	return out.Bytes(), err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// printable removes what XML cannot hold, above all the colours of a terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0xfffe || c == 0xffff {
			return -1
		}
		return c
	}, s)
}
