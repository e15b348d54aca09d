package testtools

import (
	"os"
	"path/filepath"
	"testing"
)

// BitcoindPrograms are those of a node.
type BitcoindPrograms struct {
	Bitcoind string
	// CLI is the command of bitcoin-cli.
	CLI []string
}

// BitcoinPrograms returns bitcoind as Bitcoind does, and the bitcoin-cli beside it.
func BitcoinPrograms(t testing.TB) BitcoindPrograms {
	t.Helper()
	p := BitcoindPrograms{Bitcoind: Bitcoind(t)}
	dir := filepath.Dir(p.Bitcoind)
	if cli := filepath.Join(dir, "bitcoin-cli"); exists(cli) {
		p.CLI = []string{cli}
		return p
	}
	// The unpacked image, whose program has the libraries of the image.
	loaders, err := filepath.Glob(filepath.Join(dir, "lib*", "ld-linux*"))
	if err != nil {
		t.Fatal(err)
	}
	libraries, err := filepath.Glob(filepath.Join(dir, "usr", "lib", "*-linux-gnu"))
	if err != nil {
		t.Fatal(err)
	}
	cli := filepath.Join(dir, "usr", "local", "bin", "bitcoin-cli")
	if len(loaders) == 0 || len(libraries) == 0 || !exists(cli) {
		Missing(t, "no bitcoin-cli is beside "+p.Bitcoind)
	}
	p.CLI = []string{loaders[0], "--library-path", libraries[0], cli}
	return p
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
