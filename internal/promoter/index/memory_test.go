package index

import (
	"runtime"
	"testing"
)

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
