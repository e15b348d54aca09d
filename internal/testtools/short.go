package testtools

import "testing"

// SkipIfShort leaves out a test that takes many seconds, with -short: scripts/test.sh runs the others, and with --all this one too.
func SkipIfShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}
