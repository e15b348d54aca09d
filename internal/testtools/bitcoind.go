package testtools

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Bitcoind returns the path of bitcoind: the one on the PATH, or the newest that scripts/bitcoind.sh has unpacked. Without either the test
// ends.
func Bitcoind(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("bitcoind"); err == nil {
		return path
	}
	newest, modified := "", int64(0)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	// Twelve hexadecimal digits; an unfinished directory has a longer name.
	found, err := filepath.Glob(filepath.Join(cache, "bitcoin-controller", "bin", "bitcoind-????????????", "bitcoind"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if info, err := os.Stat(filepath.Dir(path)); err == nil && info.ModTime().UnixNano() > modified {
			newest, modified = path, info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		Missing(t, "bitcoind is not installed: scripts/bitcoind.sh unpacks it")
	}
	return newest
}
