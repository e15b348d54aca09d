// Command results adds up what several test runs report.
//
//	go run -C test ./results [-brief] [-passed NAME]... [-failed NAME]... [FILE...]
//
// A FILE is the output of `go test -json`, or a JUnit report when its name ends with .xml; -passed and -failed name tests that have
// no file, such as scripts. It prints to stderr what failed tests printed and which packages were slow, unless -brief is given; to
// stdout a line for each failed test and, as the last line, "N passed, N failed, N skipped". A test with subtests counts once. The
// exit code is 1 when a test failed.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	total, details := results{}, io.Writer(os.Stderr)
	brief := flag.Bool("brief", false, "print names and numbers only")
	flag.Func("passed", "the `name` of a test that passed", func(string) error {
		total.passed++
		return nil
	})
	flag.Func("failed", "the `name` of a test that failed", func(name string) error {
		total.failed = append(total.failed, name)
		return nil
	})
	flag.Parse()
	if *brief {
		details = io.Discard
	}
	for _, file := range flag.Args() {
		if err := total.add(file, details); err != nil {
			fmt.Fprintln(os.Stderr, "results:", err)
			os.Exit(2)
		}
	}
	for _, name := range total.failed {
		fmt.Println("failed:", name)
	}
	fmt.Println(total)
	if len(total.failed) > 0 {
		os.Exit(1)
	}
}

// results counts tests. Those that failed are counted by name.
type results struct {
	passed, skipped int
	failed          []string
}

func (r results) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.passed, len(r.failed), r.skipped)
}

func (r *results) add(file string, details io.Writer) error {
	f, err := os.Open(file) //nolint:gosec // the caller's file
	if err != nil {
		return err
	}
	defer f.Close()
	if strings.HasSuffix(file, ".xml") {
		err = r.addJUnit(f)
	} else {
		err = r.addGoTest(f, details)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
