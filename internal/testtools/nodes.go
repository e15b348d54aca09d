package testtools

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
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
		found, err := filepath.Glob(filepath.Join(cache, "bitcoin-controller", "bin", "lnd-????????????"))
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

// Bitcoind returns the command that starts the bitcoind of the nodes' image, without arguments. It takes the packages from where the
// image does; without them the test ends.
func Bitcoind(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	module, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "run", "./ci/images/bitcoind", "files", dir, "linux/"+runtime.GOARCH)
	command.Dir = filepath.Dir(strings.TrimSpace(string(module)))
	if out, err := command.CombinedOutput(); err != nil {
		Missing(t, "the tests with bitcoind need the packages of its image: "+strings.TrimSpace(string(out)))
	}
	// The libraries are those of another release than the machine's, and so is their loader.
	loaders, err := filepath.Glob(filepath.Join(dir, "lib*", "ld-linux-*"))
	if err != nil || len(loaders) != 1 {
		t.Fatalf("%d loaders, %v", len(loaders), err)
	}
	libraries, err := filepath.Glob(filepath.Join(dir, "usr", "lib", "*-linux-gnu"))
	if err != nil || len(libraries) != 1 {
		t.Fatalf("%d directories of libraries, %v", len(libraries), err)
	}
	return []string{loaders[0], "--library-path", libraries[0], filepath.Join(dir, "usr", "local", "bin", "bitcoind")}
}
