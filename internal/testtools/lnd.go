package testtools

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// LND returns the directory with the programs lnd and lncli: $LND_DIR, or what ci/images/lnd has compiled last. Without them the test
// ends: they take minutes to compile, which no test does.
func LND(t testing.TB) string {
	t.Helper()
	newest := os.Getenv("LND_DIR")
	if newest == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		// Twelve hexadecimal digits; an unfinished directory has a longer name.
		found, err := filepath.Glob(filepath.Join(cache, "bitcoin-controller", "bin", "lnd-"+runtime.GOARCH+"-????????????"))
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for _, dir := range found {
			if info, err := os.Stat(dir); err == nil && info.ModTime().UnixNano() > at {
				newest, at = dir, info.ModTime().UnixNano()
			}
		}
	}
	if _, err := os.Stat(filepath.Join(newest, "lnd")); newest == "" || err != nil {
		Missing(t, "the tests with LND need it: go run ./ci/images/lnd programs compiles it, or set LND_DIR to a directory with lnd and lncli")
	}
	return newest
}
