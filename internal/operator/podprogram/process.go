//go:build linux

package podprogram

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// outputTimeout bounds how long the output of a process that ended is read: what it started may have its file open.
const outputTimeout = time.Second

// Children are those of this process. Only Reap waits for them, since it also waits for the orphans that a process with PID 1 gets,
// and one call returns either.
type Children struct {
	mu       sync.Mutex
	children map[int]*Child
}

// NewChildren returns none.
func NewChildren() *Children { return &Children{children: map[int]*Child{}} }

// Child is a process that was started.
type Child struct {
	of  *Children
	pid int
	// ended is closed when status is valid, and read when all of its output has been.
	ended, read chan struct{}
	status      syscall.WaitStatus
}

// Start executes a program, both outputs of which read gets until their end.
func (p *Children) Start(path string, argv, env []string, read func(io.Reader)) (*Child, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close() //nolint:errcheck // the process has its own
	child, err := p.start(path, argv, env, writer)
	if err != nil {
		_ = reader.Close() //nolint:errcheck // nothing was written
		return nil, err
	}
	go func() {
		defer close(child.read)
		defer reader.Close() //nolint:errcheck // read to its end
		read(reader)
	}()
	return child, nil
}

func (p *Children) start(path string, argv, env []string, output *os.File) (*Child, error) {
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
	child := &Child{of: p, pid: pid, ended: make(chan struct{}), read: make(chan struct{})}
	p.children[pid] = child
	return child, nil
}

// Ended is closed when the process has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Exit waits for the end of the process and of its output. The code is 128 and the number of the signal for one that a signal ended.
func (c *Child) Exit() (code int, signal syscall.Signal) {
	<-c.ended
	select {
	case <-c.read:
	case <-time.After(outputTimeout):
	}
	if c.status.Signaled() {
		return 128 + int(c.status.Signal()), c.status.Signal()
	}
	return c.status.ExitStatus(), 0
}

// Stop asks the process to end, and kills it when the grace period is over, after a call of killed.
func (c *Child) Stop(grace time.Duration, killed func()) {
	c.signal(syscall.SIGTERM)
	select {
	case <-c.ended:
		return
	case <-time.After(grace):
	}
	killed()
	c.signal(syscall.SIGKILL)
	<-c.ended
}

// signal has no effect on a process that has ended: its number may be that of another one.
func (c *Child) signal(s syscall.Signal) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.children[c.pid] == c {
		_ = syscall.Kill(c.pid, s) //nolint:errcheck // it may just have ended
	}
}

// Reap waits for children and orphans for as long as the program runs.
func (p *Children) Reap() error {
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
func (p *Children) reapOne() bool {
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
