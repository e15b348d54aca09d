package logs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func all(string) bool { return true }

// merged are the lines of streams in their order.
func merged(t *testing.T, hold time.Duration, streams ...io.Reader) []string {
	t.Helper()
	var sources []chan Line
	for i, stream := range streams {
		lines := make(chan Line)
		sources = append(sources, lines)
		go func() {
			defer close(lines)
			if _, err := Read(t.Context(), stream, i, time.Time{}, all, lines); err != nil {
				t.Error(err)
			}
		}()
	}
	var got []string
	if err := Merge(t.Context(), sources, hold, func(l Line) error {
		got = append(got, fmt.Sprintf("%d %s", l.Source, l.Text))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

const second = "2026-01-02T03:04:%02d.5Z %s\n"

func stream(lines ...any) io.Reader {
	var b strings.Builder
	for i := 0; i < len(lines); i += 2 {
		fmt.Fprintf(&b, second, lines[i], lines[i+1])
	}
	return strings.NewReader(b.String())
}

func TestLinesOfAllNodesAreInTheOrderOfTheirTimes(t *testing.T) {
	got := merged(t, 0, stream(1, "a", 4, "b", 4, "b again", 9, "c"), stream(2, "d", 3, "e", 10, "f"), stream(), stream(0, "g"))
	if want := []string{"3 g", "0 a", "1 d", "1 e", "0 b", "0 b again", "0 c", "1 f"}; !slices.Equal(got, want) {
		t.Errorf("the lines are %q, and should be %q", got, want)
	}
}

func TestAClockThatWasSetBackKeepsTheOrderOfItsNode(t *testing.T) {
	got := merged(t, 0, stream(5, "a", 1, "b", 6, "c"), stream(3, "d", 5, "e", 7, "f"))
	if want := []string{"1 d", "0 a", "0 b", "1 e", "0 c", "1 f"}; !slices.Equal(got, want) {
		t.Errorf("the lines are %q, and should be %q", got, want)
	}
}

func TestASilentNodeDoesNotHoldUpTheOthersWhenTheyAreFollowed(t *testing.T) {
	silent, busy := make(chan Line), make(chan Line, 2)
	busy <- Line{Source: 1, Text: "a"}
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Now()
	err := Merge(ctx, []chan Line{silent, busy}, 30*time.Millisecond, func(l Line) error {
		if waited := time.Since(start); waited < 25*time.Millisecond || l.Text != "a" {
			t.Errorf("%q came after %s", l.Text, waited)
		}
		cancel()
		return nil
	})
	if err == nil {
		t.Error("it ended by itself")
	}
}

func TestLinesThatAreNotWantedAreLeftOut(t *testing.T) {
	lines := make(chan Line, 10)
	after := time.Date(2026, 1, 2, 3, 4, 2, 5e8, time.UTC)
	last, err := Read(t.Context(), stream(1, "old x", 2, "known x", 3, "new x", 4, "other"), 0, after, func(text string) bool { return strings.Contains(text, "x") }, lines)
	close(lines)
	if line := <-lines; err != nil || line.Text != "new x" || len(lines) != 0 || last.Second() != 4 {
		t.Errorf("the line is %+v, the last time %s (%v)", line, last, err)
	}
}

func TestLongLinesAndLinesWithoutATimeAreRead(t *testing.T) {
	lines := make(chan Line, 10)
	text := "no time here\n" + fmt.Sprintf(second, 1, strings.Repeat("x", 3*maxLine)) + strings.TrimSuffix(fmt.Sprintf(second, 2, "unfinished"), "\n")
	if _, err := Read(t.Context(), strings.NewReader(text), 0, time.Time{}, all, lines); err != nil {
		t.Fatal(err)
	}
	close(lines)
	var got []string
	for line := range lines {
		got = append(got, line.Text[:min(12, len(line.Text))])
	}
	if want := []string{"no time here", "xxxxxxxxxxxx", "unfinished"}; !slices.Equal(got, want) {
		t.Errorf("the lines are %q, and should be %q", got, want)
	}
}
