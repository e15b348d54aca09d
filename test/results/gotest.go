package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gotest.tools/gotestsum/testjson"
)

// slow is the time from which on a package is named. Packages that did not change come out of Go's cache and take none.
const slow = 10 * time.Second

// addGoTest reads the output of `go test -json`, of one run or of several.
func (r *results) addGoTest(stream io.Reader, details io.Writer) error {
	run, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: stream, IgnoreNonJSONOutputLines: true})
	if err != nil {
		return err
	}
	for _, line := range run.Errors() {
		fmt.Fprintln(details, strings.TrimRight(line, "\n"))
	}
	for _, test := range testjson.FilterFailedUnique(run.Failed()) {
		fmt.Fprintf(details, "=== FAIL: %s %s\n%s\n", test.Package, test.Test, strings.Join(run.OutputLines(test), ""))
	}
	names := run.Packages()
	for _, name := range names {
		pkg := run.Package(name)
		r.passed += topLevel(pkg.Passed)
		r.skipped += topLevel(pkg.Skipped)
		for _, test := range pkg.Failed {
			if !test.Test.IsSubTest() {
				r.failed = append(r.failed, name+" "+test.Test.Name())
			}
		}
		// It does not compile, or its TestMain fails.
		if pkg.Result() == testjson.ActionFail && topLevel(pkg.Failed) == 0 {
			r.failed = append(r.failed, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int(run.Package(b).Elapsed() - run.Package(a).Elapsed()) })
	for _, name := range names {
		if took := run.Package(name).Elapsed(); took >= slow {
			fmt.Fprintf(details, "    %s took %d s\n", name, int(took.Seconds()))
		}
	}
	return nil
}

// topLevel counts the tests that are not subtests.
func topLevel(tests []testjson.TestCase) (n int) {
	for _, test := range tests {
		if !test.Test.IsSubTest() {
			n++
		}
	}
	return n
}
