package index

import (
	"bytes"
	"runtime"
	"testing"
)

// TestInsertSharesTheOldIndex: a new version needs little more than a list of the others.
func TestInsertSharesTheOldIndex(t *testing.T) {
	index := large(t, 10000)
	e := entry("operator", "2.49.50")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text, changed, err := Insert(index, e)
	runtime.ReadMemStats(&after)
	if err != nil || !changed || text.Len() <= len(index) || len(text) > 8 {
		t.Fatal(changed, err, text.Len(), len(text))
	}
	// A copy of the text would be as much again; the race detector adds a quarter.
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(len(index))*3/2; got > limit {
		t.Errorf("Insert allocated %d bytes for a text of %d, want at most %d", got, len(index), limit)
	}
	if out, _, err := Add(index, e); err != nil || !bytes.Equal(out, text.Bytes()) {
		t.Error("Add and Insert differ", err)
	}
}

// TestAddNeedsLittleMoreMemoryThanTheNewIndex: neither the old text nor the new one is copied.
func TestAddNeedsLittleMoreMemoryThanTheNewIndex(t *testing.T) {
	index := large(t, 10000)
	e := entry("operator", "99.0.0")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, changed, err := Add(index, e)
	runtime.ReadMemStats(&after)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	// The test holds the old text; tests that run in parallel would count too, so this one does not.
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(len(out))*3; got > limit {
		t.Errorf("Add allocated %d bytes for a text of %d, want at most %d", got, len(out), limit)
	}
}
