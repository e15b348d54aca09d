package command

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestACommandCannotReadTheEnvironmentOfItsParent(t *testing.T) {
	if syscall.Getuid() == 0 {
		asUser(t) // root reads every process
		return
	}
	var printed []byte
	c := Command{Args: []string{"sh", "-c", "cat /proc/$PPID/environ && exit 7; echo denied"}, Dir: t.TempDir(), Env: os.Environ(), Timeout: time.Minute}
	ended := Run(t.Context(), c, func(out io.Reader) { printed, _ = io.ReadAll(out) })
	if ended.Start != nil || ended.Exit != nil || !strings.Contains(string(printed), "denied") || strings.Contains(string(printed), "PATH=") {
		t.Errorf("%+v\n%s", ended, printed)
	}
}

// asUser runs this test again as a user without rights.
func asUser(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "command-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "command.test")
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
