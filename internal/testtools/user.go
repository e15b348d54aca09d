//go:build unix

package testtools

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// AsUser runs the test that calls it again as a user without rights, for tests that root would pass whatever the code does.
func AsUser(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "user-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// Another process copies the program: a test in parallel that starts one would inherit the open file, which could then not be run.
	binary := filepath.Join(dir, "user.test")
	if out, err := exec.CommandContext(t.Context(), "cp", os.Args[0], binary).CombinedOutput(); err != nil {
		t.Fatalf("copy the test: %v: %s", err, out)
	}
	for _, err := range []error{os.Chmod(binary, 0o755), os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "tmp"), 0o755), os.Chown(filepath.Join(dir, "tmp"), nobody, nobody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$")
	cmd.Dir, cmd.Env = filepath.Join(dir, "tmp"), append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"), "HOME="+filepath.Join(dir, "tmp"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
