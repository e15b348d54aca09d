package podprogram

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestLinesOfManyNodesAreWholeAndBounded(t *testing.T) {
	var output bytes.Buffer
	all, group := NewLines(&output), sync.WaitGroup{}
	for slot := range 8 {
		text := strings.Repeat(fmt.Sprintf("line of %d\n", slot), 200) + strings.Repeat(string(rune('a'+slot)), 3*maxLineBytes+5) + "\nno line break"
		group.Go(func() { all.Copy(fmt.Sprintf("[%d] ", slot), strings.NewReader(text), &Tail{}) })
	}
	group.Wait()
	joined := map[string]string{}
	for line := range strings.Lines(output.String()) {
		prefix, text, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found || len(text) > maxLineBytes {
			t.Fatalf("a line of %d bytes: %.80s", len(text), line)
		}
		joined[prefix] += text
	}
	for slot := range 8 {
		want := strings.Repeat(fmt.Sprintf("line of %d", slot), 200) + strings.Repeat(string(rune('a'+slot)), 3*maxLineBytes+5) + "no line break"
		if got := joined[fmt.Sprintf("[%d]", slot)]; got != want {
			t.Errorf("node %d: %d bytes, want %d", slot, len(got), len(want))
		}
	}
}

func TestTheEndOfAnOutputIsKeptAndBounded(t *testing.T) {
	var keep Tail
	for i := range 100_000 {
		keep.add(fmt.Appendf(nil, "line %d\n", i))
	}
	if len(keep.text) > 3*tailBytes {
		t.Errorf("%d bytes are kept", len(keep.text))
	}
	if !strings.HasSuffix(keep.Text(), "line 99998\nline 99999\n") {
		t.Errorf("%.40q is kept", keep.Text())
	}
}
