//go:build e2e

package registry

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	krewModule     = "sigs.k8s.io/krew/cmd/krew@v0.4.3"
	validateModule = "sigs.k8s.io/krew/cmd/validate-krew-manifest@v0.4.3"
)

// released builds the plugin as the pipeline does, from the repository at a path, and returns the directory with the files.
func released(t *testing.T, root string) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("go", "run", "./ci/plugin", "-out", out, "-url", "https://charts.example/bitcoin-controller-{version}.files",
		"-platforms", "linux/"+runtime.GOARCH+",windows/"+runtime.GOARCH)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1700000000", "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go run ./ci/plugin: %v\n%s", err, text)
	}
	return out
}

func TestKrewInstallsThePlugin(t *testing.T) {
	dir, home := released(t, "../.."), t.TempDir()
	manifest, archive := filepath.Join(dir, "btcnet.yaml"), filepath.Join(dir, "kubectl-btcnet_linux_"+runtime.GOARCH+".tar.gz")
	if out, err := run(t, home, tool(t, validateModule), "-manifest", manifest, "-skip-install"); err != nil {
		t.Errorf("the manifest is not valid: %v\n%s", err, out)
	}
	krew := tool(t, krewModule)
	if out, err := run(t, home, krew, "install", "--manifest="+manifest, "--archive="+archive); err != nil {
		t.Fatalf("krew install: %v\n%s", err, out)
	}
	if out, err := run(t, home, filepath.Join(home, ".krew/bin/kubectl-btcnet"), "version"); err != nil || !strings.HasPrefix(out, "kubectl-btcnet 1.2.3 linux/") {
		t.Errorf("the installed plugin prints %q (%v)", out, err)
	}
	license, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(home, ".krew/store/btcnet/v1.2.3")
	if got, err := os.ReadFile(filepath.Join(store, "LICENSE")); err != nil || !bytes.Equal(got, license) {
		t.Errorf("the licence is not with the plugin: %v", err)
	}
	if info, err := os.Stat(filepath.Join(store, "kubectl_complete-btcnet")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("the completion cannot be executed: %v", err)
	}
	// A file that is not the one of the manifest.
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive, append(text, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, t.TempDir(), krew, "install", "--manifest="+manifest, "--archive="+archive); err == nil || !strings.Contains(out, "checksum") {
		t.Errorf("krew installs another archive: %v\n%s", err, out)
	}
}

// Whoever builds the commit gets the archives of the release, in whatever directory.
func TestThePluginIsBuiltReproducibly(t *testing.T) {
	elsewhere := t.TempDir()
	list, err := exec.Command("git", "-C", "../..", "ls-files", "-z", "-co", "--exclude-standard", "--", "go.mod", "go.sum", "LICENSE", "ci", "cmd", "internal", "pkg").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(elsewhere, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(elsewhere, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	here, there := released(t, "../.."), released(t, elsewhere)
	files, err := os.ReadDir(here)
	if err != nil || len(files) != 3 {
		t.Fatalf("the release has %v (%v)", files, err)
	}
	for _, file := range files {
		one, err := os.ReadFile(filepath.Join(here, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.ReadFile(filepath.Join(there, file.Name())); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s is another file when it is built elsewhere (%v)", file.Name(), err)
		}
	}
}
