package main

import (
	"slices"
	"strings"
	"testing"
)

// event is a line of `go test -json`.
func event(action, test, more string) string {
	if test != "" {
		more += `,"Test":"` + test + `"`
	}
	return `{"Action":"` + action + `","Package":"example.com/a"` + more + "}\n"
}

func TestGoTestOutputIsCountedByTopLevelTest(t *testing.T) {
	tests := map[string]struct {
		stream          string
		passed, skipped int
		failed          []string
		details         string
	}{
		"a test with subtests counts once": {
			stream: event("run", "TestA", "") + event("run", "TestA/one", "") + event("pass", "TestA/one", "") + event("pass", "TestA", "") + event("pass", "", ""),
			passed: 1,
		},
		"a failed subtest shows its output": {
			stream: event("run", "TestA", "") + event("run", "TestA/one", "") + event("output", "TestA/one", `,"Output":"a_test.go:1: wrong\n"`) +
				event("fail", "TestA/one", "") + event("fail", "TestA", "") + event("fail", "", ""),
			failed: []string{"example.com/a TestA"}, details: "=== FAIL: example.com/a TestA/one\na_test.go:1: wrong\n",
		},
		"a skipped test":                       {stream: event("run", "TestA", "") + event("skip", "TestA", "") + event("pass", "", ""), skipped: 1},
		"a test without an end failed":         {stream: event("run", "TestA", "") + event("fail", "", ""), failed: []string{"example.com/a TestA"}},
		"a package whose TestMain fails":       {stream: event("run", "TestA", "") + event("pass", "TestA", "") + event("fail", "", ""), passed: 1, failed: []string{"example.com/a"}},
		"a package without tests":              {stream: event("skip", "", "")},
		"a slow package is named":              {stream: event("pass", "", `,"Elapsed":12.5`), details: "example.com/a took 12 s"},
		"what is not JSON is passed over":      {stream: "go: downloading example.com/b\n" + event("run", "TestA", "") + event("pass", "TestA", ""), passed: 1},
		"a package that does not compile":      {stream: `{"ImportPath":"example.com/a","Action":"build-output","Output":"a.go:1: undefined\n"}` + "\n" + event("fail", "", `,"FailedBuild":"example.com/a"`), failed: []string{"example.com/a"}, details: "a.go:1: undefined"},
		"the same name in two packages is two": {stream: event("run", "TestA", "") + event("pass", "TestA", "") + strings.ReplaceAll(event("run", "TestA", "")+event("pass", "TestA", ""), "com/a", "com/b"), passed: 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r results
			var details strings.Builder
			if err := r.addGoTest(strings.NewReader(test.stream), &details); err != nil {
				t.Fatal(err)
			}
			if r.passed != test.passed || r.skipped != test.skipped || !slices.Equal(r.failed, test.failed) {
				t.Errorf("got %+v", r)
			}
			if !strings.Contains(details.String(), test.details) {
				t.Errorf("the details are %q", details.String())
			}
		})
	}
}

func TestJUnitReportsAreCounted(t *testing.T) {
	const report = `<testsuites><testsuite name="p" tests="3"><testcase classname="p" name="TestA"/>
		<testcase classname="p" name="TestB"><failure message="failed">x</failure></testcase>
		<testcase classname="p" name="TestC"><skipped/></testcase></testsuite>
		<testsuite name="q"><testcase classname="q" name="TestA"/></testsuite></testsuites>`
	var r results
	if err := r.addJUnit(strings.NewReader(report)); err != nil {
		t.Fatal(err)
	}
	if got, want := r.String(), "2 passed, 1 failed, 1 skipped"; got != want || !slices.Equal(r.failed, []string{"p TestB"}) {
		t.Errorf("got %q with %v, want %q", got, r.failed, want)
	}
	for name, bad := range map[string]string{"no test": "<testsuites></testsuites>", "another document": "<a/>", "half a report": report[:200]} {
		if err := new(results).addJUnit(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is accepted as a report", name)
		}
	}
}
