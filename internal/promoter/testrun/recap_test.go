package testrun

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// recapCases are by what a recap has.
var recapCases = map[string]struct {
	events []event
	want   []string
}{
	"the end of a test that logs what it does": {
		outputs("TestA", fail, append(steps(strings.Split("abcdefghijklmnopqrstuvwxyz", "")...), "    x_test.go:9: it is wrong\n", "--- FAIL: TestA (1.00s)\n")...),
		slices.Concat([]string{"TestA failed:"}, recapped("abc"), []string{"  … (4 messages more)"}, recapped("hijklmnopqrstuvwxyz"), []string{"  x_test.go:9: it is wrong"}),
	},
	"the failed subtest only": {
		slices.Concat(
			outputs("TestA/fine", pass, steps("a", "b")...),
			outputs("TestA/bad", fail, "    x_test.go:9: it is wrong\n"),
			outputs("TestA", fail, steps("what a dump has")...),
		),
		[]string{"TestA/bad failed:", "  x_test.go:9: it is wrong"},
	},
	"the test itself where its subtests passed": {
		slices.Concat(outputs("TestA/fine", pass, steps("a")...), outputs("TestA/left", skip, steps("b")...), outputs("TestA", fail, "    x_test.go:9: it is wrong\n")),
		[]string{"TestA failed:", "  x_test.go:9: it is wrong"},
	},
	"a panic in a subtest, which go test prints for the test": {
		slices.Concat(
			outputs("TestA/other", "", steps("a")...),
			outputs("TestA/bad", fail, steps("b")...),
			outputs("TestA", fail, "--- FAIL: TestA (0.00s)\n", "panic: boom\n", "goroutine 1\n"),
		),
		[]string{"TestA failed:", "  panic: boom", "TestA/bad failed:", "  x_test.go:1: step b"},
	},
	"subtests that had not ended when the program did": {
		slices.Concat(outputs("TestA/b", "", steps("b")...), outputs("TestA/a", "", steps("a")...), outputs("TestA", "", "=== RUN   TestA\n")),
		[]string{"TestA/a failed:", "  x_test.go:1: step a", "TestA/b failed:", "  x_test.go:1: step b"},
	},
	"many failed subtests": {
		slices.Concat(failing("abcdefg"), outputs("TestA", fail)),
		slices.Concat(failed("abcde"), []string{"TestA: 2 subtests more"}),
	},
	"a failure without a message": {
		outputs("TestA", fail, "a line\n", "--- FAIL: TestA (1.00s)\n"),
		[]string{"TestA failed:", "  a line", "  --- FAIL: TestA (1.00s)"},
	},
	"a long message": {
		outputs("TestA", fail, "x_test.go:1: "+strings.Repeat("x", 300)+"\n"),
		[]string{"TestA failed:", "  x_test.go:1: " + strings.Repeat("x", 287) + " … (13 bytes more)"},
	},
	"after more output than the report keeps": {
		slices.Concat(outputs("TestA", "", strings.Split(strings.Repeat("again\n", maxOutput+1), "\n")...), outputs("TestA", fail, "x_test.go:9: it is wrong\n")),
		[]string{"TestA failed:", "  x_test.go:9: it is wrong"},
	},
}

func TestTheRecapHasTheMessagesOfWhatFailed(t *testing.T) {
	for name, c := range recapCases {
		t.Run(name, func(t *testing.T) {
			r := newReport(config.Command{Format: config.FormatGoJSON})
			for _, e := range c.events {
				r.event(e)
			}
			r.finish(false, time.Second)
			if d := cmp.Diff(c.want, r.Recap()); d != "" {
				t.Errorf("recap (-want +got):\n%s", d)
			}
		})
	}
}

// steps are messages of a test that logs what it does, and recapped is what a recap has of them.
func steps(names ...string) (lines []string) {
	for _, name := range names {
		lines = append(lines, "    x_test.go:1: step "+name+"\n")
	}
	return lines
}

func recapped(names string) (lines []string) {
	for _, name := range strings.Split(names, "") {
		lines = append(lines, "  x_test.go:1: step "+name)
	}
	return lines
}

// failing are the events of subtests with these names, and failed is what a recap has of them.
func failing(names string) (events []event) {
	for _, name := range strings.Split(names, "") {
		events = append(events, outputs("TestA/"+name, fail, "x_test.go:9: it is wrong\n")...)
	}
	return events
}

func failed(names string) (lines []string) {
	for _, name := range strings.Split(names, "") {
		lines = append(lines, "TestA/"+name+" failed:", "  x_test.go:9: it is wrong")
	}
	return lines
}

// outputs are the events of a test that prints these lines; without a result, it never ends.
func outputs(name, result string, lines ...string) (events []event) {
	for _, line := range lines {
		events = append(events, event{Action: "output", Package: "p", Test: name, Output: line})
	}
	if result != "" {
		events = append(events, event{Action: result, Package: "p", Test: name})
	}
	return events
}
