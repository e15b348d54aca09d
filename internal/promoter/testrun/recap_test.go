package testrun

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

func TestTheRecapHasTheMessagesOfWhatFailed(t *testing.T) {
	steps := func(names ...string) (lines []string) {
		for _, name := range names {
			lines = append(lines, "    x_test.go:1: step "+name+"\n")
		}
		return lines
	}
	recapped := func(names string) (lines []string) {
		for _, name := range strings.Split(names, "") {
			lines = append(lines, "  x_test.go:1: step "+name)
		}
		return lines
	}
	for name, c := range map[string]struct {
		events []event
		want   []string
	}{
		"the end of a test that logs what it does": {
			outputs("TestA", fail, append(steps(strings.Split("abcdefghijklmnopqrstuvwxyz", "")...), "    x_test.go:9: it is wrong\n", "--- FAIL: TestA (1.00s)\n")...),
			slices.Concat([]string{"TestA failed:"}, recapped("abc"), recapped("hijklmnopqrstuvwxyz"), []string{"  x_test.go:9: it is wrong"}),
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
		"a subtest in which the program crashed": {
			slices.Concat(outputs("TestA/bad", "", "panic: boom\n", "goroutine 1\n"), outputs("TestA", "", "=== RUN   TestA\n")),
			[]string{"TestA/bad failed:", "  panic: boom"},
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
	} {
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
