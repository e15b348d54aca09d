package command

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// mark is the value of ci.TestRun for what a command starts: a daemon leaves the process group, but it keeps its environment.
type mark string

func newMark() mark { return mark(rand.Text()) }

func (m mark) variable() string { return ci.TestRun + "=" + string(m) }

// kill ends all processes with the mark, in several rounds, as one may start another in between. It finds none on a system without
// /proc.
func (m mark) kill() {
	for range 5 {
		pids := m.processes()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (m mark) processes() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if env, err := os.ReadFile(file); err == nil && bytes.Contains(env, []byte(m.variable())) {
			pids = append(pids, pid)
		}
	}
	return pids
}
