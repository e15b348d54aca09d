package testrun

import (
	"encoding/xml"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// goTests is a module with a test for each result: passed, failed, skipped, and a crash.
func goTests(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.24\n",
		"x_test.go": `package x
import "testing"
func TestGood(t *testing.T) { t.Run("a part of it", func(t *testing.T) {}) }
func TestBad(t *testing.T) { t.Error("\x1b[31mred\x1b[0m & <angry>") }
func TestLeftOut(t *testing.T) { t.Skip("not here") }
`,
		"y/y_test.go": "package y\nimport \"testing\"\nfunc TestCrash(t *testing.T) { go func() { panic(\"boom\") }(); select {} }\n",
	} {
		if err := os.MkdirAll(dir+"/y", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// parseJUnit are the cases of a report's JUnit file by their names; it checks that each suite counts its own.
func parseJUnit(t *testing.T, r *Report) map[string]junit.Testcase {
	t.Helper()
	data, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var doc junit.Testsuites
	if err := xml.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v:\n%s", err, data)
	}
	cases := map[string]junit.Testcase{}
	run := 0
	for _, s := range doc.Suites {
		counted := junit.Testsuite{Name: s.Name, ID: s.ID, Time: s.Time, Testcases: s.Testcases}
		for _, c := range s.Testcases {
			cases[c.Name] = c
			counted.Tests++
			if c.Failure != nil {
				counted.Failures++
			}
			if c.Skipped != nil {
				counted.Skipped++
			}
		}
		run += counted.Tests - counted.Skipped
		if d := cmp.Diff(counted, s); d != "" {
			t.Errorf("the counts of suite %s (-want +got):\n%s", s.Name, d)
		}
	}
	if run != r.Run {
		t.Errorf("the JUnit file has %d tests that ran, the report %d", run, r.Run)
	}
	return cases
}

func TestGoTestsAreCountedOneByOne(t *testing.T) {
	run, _ := runner(t)
	dir := goTests(t)
	r, err := run.Command(t.Context(), config.Command{Command: []string{"go", "test", "-json", "-p=1", "./..."}, Format: "go-json"}, dir, nil)
	if !errors.Is(err, ErrFailed) {
		t.Fatalf("got %v, want ErrFailed", err)
	}
	got := map[string]int{"run": r.Run, "passed": r.Passed, "failed": r.Failed, "skipped": r.Skipped}
	if d := cmp.Diff(map[string]int{"run": 3, "passed": 1, "failed": 2, "skipped": 1}, got); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if !strings.Contains(err.Error(), "2 failed (TestBad, TestCrash)") {
		t.Errorf("the sentence does not name the failed tests: %v", err)
	}
	recap := strings.Join(r.Recap(), "\n")
	for _, want := range []string{"TestBad failed:\n", "x_test.go:4: \x1b[31mred", "TestCrash failed:\n", "panic: boom"} {
		if !strings.Contains(recap, want) {
			t.Errorf("the recap lacks %q:\n%s", want, recap)
		}
	}
	cases := parseJUnit(t, r)
	if bad := cases["TestBad"]; bad.Failure == nil || !strings.Contains(bad.Failure.Data, "[31mred[0m & <angry>") {
		t.Errorf("the JUnit file reports TestBad as %+v", bad)
	}
	if crash := cases["TestCrash"]; crash.Failure == nil || !strings.Contains(crash.Failure.Data, "boom") {
		t.Errorf("the JUnit file reports TestCrash as %+v", crash)
	}
	if left := cases["TestLeftOut"]; left.Skipped == nil || !strings.Contains(left.Skipped.Data, "not here") {
		t.Errorf("the JUnit file reports TestLeftOut as %+v", left)
	}
	if good := cases["TestGood"]; good.Failure != nil || good.Skipped != nil || good.Classname != "example.com/x" {
		t.Errorf("the JUnit file reports TestGood as %+v", good)
	}
}

func TestACommandWithoutAPassedTestIsAnError(t *testing.T) {
	run, _ := runner(t)
	dir := goTests(t)
	for name, c := range map[string]struct {
		args []string
		want error
	}{
		"a pattern that meets no test":    {[]string{"-run=Nothing"}, ErrNoTests},
		"tests that are all skipped":      {[]string{"-run=LeftOut"}, ErrNoTests},
		"a package that does not compile": {[]string{"-tags=x", "./nowhere"}, ErrFailed},
	} {
		cmd := config.Command{Command: append([]string{"go", "test", "-json", "."}, c.args...), Format: "go-json"}
		if _, err := run.Command(t.Context(), cmd, dir, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestLongAndBrokenLinesAreReported(t *testing.T) {
	r := newReport(config.Command{Format: config.FormatGoJSON})
	long := strings.Repeat("x", 100<<10)
	for _, l := range []string{`{"Action":"output","Package":"p","Test":"TestA","Output":"` + long + `\n"}`, "{ no JSON", "FAIL p"} {
		if text, show := r.line(l); !show || !strings.Contains(l, text) {
			t.Errorf("%.20s is reported as %.20s, %v", l, text, show)
		}
	}
	for range maxOutput + 10 {
		r.line(`{"Action":"output","Package":"p","Test":"TestA/sub","Output":"again\n"}`)
	}
	r.finish(false, time.Second)
	if r.Failed != 1 || len(r.cases[0].output) != maxOutput || len(r.tail) > 2*maxTail {
		t.Errorf("%d tests failed, with %d lines, and %d lines at the end", r.Failed, len(r.cases[0].output), len(r.tail))
	}
	parseJUnit(t, r)
}

func TestTheJUnitFileIsXMLWhateverATestPrints(t *testing.T) {
	r := newReport(config.Command{Format: config.FormatGoJSON})
	r.event(event{Action: "output", Package: "p", Test: "TestA", Output: "a\x00b\x1b[1m]]>c\xff\uffffd"})
	r.finish(false, time.Second)
	if got := parseJUnit(t, r)["TestA"].Failure.Data; got != "ab[1m]]>c\ufffdd" {
		t.Errorf("%q", got)
	}
}
