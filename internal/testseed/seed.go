// Package testseed gives tests random numbers that can be had again: the variable SEED repeats a run.
package testseed

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// New returns a generator with the seed in SEED, or with one that the test prints when it fails, or with -v.
func New(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED is no number: %v", err)
		}
	}
	t.Logf("SEED=%d repeats the random choices of this test", seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // for tests
}

// Below returns a random value from zero up to, and without, the limit.
func Below[T ~int | ~int64](rng *rand.Rand, limit T) T {
	return T(rng.Int64N(int64(limit)))
}
