package supervisor

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

func TestLinesOfManyNodesAreWholeAndBounded(t *testing.T) {
	var output bytes.Buffer
	all, group := &lines{to: &output}, sync.WaitGroup{}
	for slot := range 8 {
		text := strings.Repeat(fmt.Sprintf("line of %d\n", slot), 200) + strings.Repeat(string(rune('a'+slot)), 3*maxLineBytes+5) + "\nno line break"
		group.Go(func() { all.copy(slot, strings.NewReader(text), &tail{}) })
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

func TestTheCauseOfAnEndIsKeptAndBounded(t *testing.T) {
	var keep tail
	for i := range 100_000 {
		keep.add(fmt.Appendf(nil, "line %d\n", i))
	}
	if len(keep.text) > 3*tailBytes {
		t.Errorf("%d bytes are kept", len(keep.text))
	}
	keep.add([]byte("Error: Cannot obtain a lock\n2026-01-01T00:00:00Z Shutdown: done\n"))
	if got := keep.cause(); got != "Error: Cannot obtain a lock" {
		t.Errorf("the cause is %q", got)
	}
	long := tail{text: []byte("Error: " + strings.Repeat("x", 5000))}
	if got := long.cause(); len(got) != api.MaxOutputBytes {
		t.Errorf("a cause of %d bytes", len(got))
	}
}
