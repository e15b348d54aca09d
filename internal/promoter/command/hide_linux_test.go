package command

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestACommandCannotReadTheEnvironmentOfItsParent(t *testing.T) {
	if syscall.Getuid() == 0 {
		testtools.AsUser(t) // root reads every process
		return
	}
	var printed []byte
	c := Command{Args: []string{"sh", "-c", "cat /proc/$PPID/environ && exit 7; echo denied"}, Dir: t.TempDir(), Env: os.Environ(), Timeout: time.Minute}
	ended := Run(t.Context(), c, func(out io.Reader) { printed, _ = io.ReadAll(out) })
	if ended.Start != nil || ended.Exit != nil || !strings.Contains(string(printed), "denied") || strings.Contains(string(printed), "PATH=") {
		t.Errorf("%+v\n%s", ended, printed)
	}
}
