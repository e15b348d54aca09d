//go:build e2e

package registry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The versions of the programs.
const (
	orasModule   = "oras.land/oras/cmd/oras@v1.3.6"
	cosignModule = "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2"
)

// tool is the path of a program, which is built unless an earlier run did it.
func tool(t *testing.T, module string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	path, version, _ := strings.Cut(module, "@")
	bin := filepath.Join(cache, "chart-promoter-tests", filepath.Base(path)+"-"+version)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	t.Logf("building %s", module)
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(bin), "build-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "install", "-ldflags=-s -w", module)
	cmd.Dir = dir // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", module, err, out)
	}
	if err := os.Rename(filepath.Join(dir, filepath.Base(path)), bin); err != nil {
		t.Fatal(err)
	}
	return bin
}

// run runs a program in a home of its own and returns what it prints.
func run(t *testing.T, home, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "NO_PROXY=127.0.0.1,localhost"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
