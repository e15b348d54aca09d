package cluster

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTheLogOfANodeIsTakenOutOfThatOfItsPod(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	const stamp = "2026-01-02T03:04:05.678Z "
	text := stamp + "[3] first\n" + stamp + "[13] other\n" + stamp + "supervisor: [3] starts\n" + stamp + "[1] " + long + "\n" + stamp + "[3] " + long + "\n" + stamp + "[3] [3] last\n"
	want := stamp + "first\n" + stamp + long + "\n" + stamp + "[3] last\n"
	for name, stream := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
		got, err := io.ReadAll(newNodeLog(io.NopCloser(stream), "[3] "))
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, and should be %d (%v)", name, len(got), len(want), err)
		}
	}
	broken := io.MultiReader(strings.NewReader(stamp+"[3] half"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got, err := io.ReadAll(newNodeLog(io.NopCloser(broken), "[3] ")); err != io.ErrUnexpectedEOF || string(got) != stamp+"half" { //nolint:errorlint // as it was
		t.Errorf("a broken log: %q (%v)", got, err)
	}
	last, err := lastLines(io.NopCloser(strings.NewReader("a\nb\nc\n")), 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(last); string(got) != "b\nc\n" {
		t.Errorf("the last lines are %q", got)
	}
}
