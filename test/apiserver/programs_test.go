package apiserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// touch creates empty files.
func touch(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProgramsOfKubebuilderAssetsMustBeComplete(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(assetsVariable, dir)
	touch(t, filepath.Join(dir, apiServer), filepath.Join(dir, etcd))
	if _, err := findPrograms(t.TempDir()); !errors.Is(err, errNoPrograms) || !strings.Contains(err.Error(), "has no "+controllerManager) {
		t.Errorf("without a controller manager: %v", err)
	}
	touch(t, filepath.Join(dir, controllerManager))
	if got, err := findPrograms(t.TempDir()); got != dir || err != nil {
		t.Errorf("complete: %s, %v", got, err)
	}
}

func TestTheProgramsThatWereCompiledLastAreUsed(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(assetsVariable, "")
	t.Setenv("XDG_CACHE_HOME", cache)
	if _, err := findPrograms(t.TempDir()); !errors.Is(err, errNoPrograms) {
		t.Errorf("an empty cache: %v", err)
	}
	bin := filepath.Join(cache, "bitcoin-controller", "bin")
	older, newer, unfinished := filepath.Join(bin, "kube-000000000001", "kube"), filepath.Join(bin, "kube-000000000000", "kube"), filepath.Join(bin, "kube-000000000002.part", "kube")
	touch(t, older, newer, unfinished)
	if err := os.Chtimes(older, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	links, err := findPrograms(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{apiServer, controllerManager} {
		if target, err := os.Readlink(filepath.Join(links, program)); target != newer || err != nil {
			t.Errorf("%s is %s, %v, want %s", program, target, err, newer)
		}
	}
}
