//go:build linux

package supervisor

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"unsafe"
)

// processes are the children of this process. Only reap waits for them, since it also waits for the orphans that a process with
// PID 1 gets, and one call returns either.
type processes struct {
	mu       sync.Mutex
	children map[int]*process
}

type process struct {
	of  *processes
	pid int
	// ended is closed when status is valid.
	ended  chan struct{}
	status syscall.WaitStatus
}

// start executes a program with one file for both outputs.
func (p *processes) start(path string, argv, env []string, output *os.File) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close() //nolint:errcheck // read only
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: []uintptr{null.Fd(), output.Fd(), output.Fd()}})
	if err != nil {
		return nil, &os.PathError{Op: "start", Path: path, Err: err}
	}
	child := &process{of: p, pid: pid, ended: make(chan struct{})}
	p.children[pid] = child
	return child, nil
}

// signal has no effect on a process that has ended: its number may be that of another one.
func (c *process) signal(s syscall.Signal) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.children[c.pid] == c {
		_ = syscall.Kill(c.pid, s) //nolint:errcheck // it may just have ended
	}
}

// reap waits for children and orphans for as long as the program runs.
func (p *processes) reap() error {
	// Orphans are this process's children also when its PID is not 1, as in a pod with shareProcessNamespace.
	const prSetChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return errno
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGCHLD)
	go func() {
		for range ends {
			for p.reapOne() {
			}
		}
	}()
	return nil
}

// reapOne reports whether a process has ended. It first reads the number and releases that under the lock, so that signal never
// reaches a process to which the kernel gave it again.
func (p *processes) reapOne() bool {
	const all = 0 // P_ALL
	var info struct {
		_   [4]int32
		pid int32
		_   [27]int32
	}
	const flags = syscall.WEXITED | syscall.WNOHANG | syscall.WNOWAIT
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, all, 0, uintptr(unsafe.Pointer(&info)), flags, 0, 0)
		if errno == 0 {
			break
		}
		if !errors.Is(errno, syscall.EINTR) {
			return false
		}
	}
	if info.pid == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(int(info.pid), &status, syscall.WNOHANG, nil)
	if err != nil || pid == 0 {
		// ECHILD is about this process only: the signal may also have been for others, which would stay zombies.
		return errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECHILD)
	}
	if child := p.children[pid]; child != nil {
		delete(p.children, pid)
		child.status = status
		close(child.ended)
	}
	return true
}
