package testseed

import (
	"testing"
	"time"
)

func TestSeedRepeatsARun(t *testing.T) {
	t.Setenv("SEED", "7")
	a, b := New(t), New(t)
	for range 10 {
		if x, y := Below(a, time.Hour), Below(b, time.Hour); x != y || x < 0 || x >= time.Hour {
			t.Fatalf("%s and %s", x, y)
		}
	}
	t.Setenv("SEED", "8")
	if Below(New(t), time.Hour) == Below(a, time.Hour) {
		t.Error("another seed gives the same numbers")
	}
}
