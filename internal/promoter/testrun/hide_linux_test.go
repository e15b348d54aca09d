package testrun

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestATestCannotReadTheEnvironmentOfItsParent(t *testing.T) {
	if syscall.Getuid() == 0 {
		asUser(t) // root reads every process
		return
	}
	run, l := runner(t)
	r, err := run.Command(t.Context(), shell("cat /proc/$PPID/environ && exit 7; echo denied", time.Minute), t.TempDir(), nil)
	if err != nil || !strings.Contains(l.String(), "denied") || strings.Contains(l.String(), "PATH=") {
		t.Errorf("%+v %v\n%s", r, err, l)
	}
}

// asUser runs this test again as a user without rights.
func asUser(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "testrun-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "testrun.test")
	if err := os.WriteFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "tmp"), 0o755), os.Chown(filepath.Join(dir, "tmp"), nobody, nobody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$")
	cmd.Dir, cmd.Env = filepath.Join(dir, "tmp"), append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
