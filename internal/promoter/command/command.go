// Package command runs a command of the configuration to its end, and ends all that it started.
package command

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is a program with its arguments, without a shell.
type Command struct {
	Args []string
	// Dir is the directory that it runs in.
	Dir string
	// Env is its environment, to which PWD is added; Set has variables that replace those of Env.
	Env []string
	Set map[string]string
	// Timeout is the time after which it is ended: by SIGTERM, and by SIGKILL after Grace. Without Grace, it is killed.
	Timeout, Grace time.Duration
}

func (c Command) String() string { return strings.Join(c.Args, " ") }

// Ended is how a command ended.
type Ended struct {
	// Start is the reason for which it was not started, Exit its own error; nil if it succeeded.
	Start, Exit error
	// TimedOut is true if it was ended at its time limit.
	TimedOut bool
	// After is the time that it ran.
	After time.Duration
}

// outputGrace is how long output is read after the command has ended.
const outputGrace = 2 * time.Second

// Run runs a command, whose output read gets. When it ends, and at its time limit, all that it started ends too: a test binary that
// hangs, and what runs in the background, do not live on. What it leaves is no failure. It cannot read the environment of this process.
func Run(ctx context.Context, c Command, read func(io.Reader)) Ended {
	hideProcess()
	timed, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	mark := newMark()
	cmd := c.prepare(timed, mark)
	// A pipe of the system: with any other writer Wait waits for all that holds the output open, and takes a background process that a
	// test left for a failure.
	out, in, err := os.Pipe()
	if err != nil {
		return Ended{Start: err}
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	start := time.Now()
	err = cmd.Start()
	in.Close()
	if err != nil {
		return Ended{Start: err}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		read(out)
	}()
	err = cmd.Wait()
	// What is left of the group, in the background or ignoring SIGTERM, ends now, and then what left the group.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	mark.kill()
	// Where processes cannot be found by their environment, one that left the group may hold the output open.
	_ = out.SetReadDeadline(time.Now().Add(outputGrace))
	<-done
	return Ended{Exit: err, TimedOut: timed.Err() != nil && ctx.Err() == nil, After: time.Since(start)}
}

func (c Command) prepare(ctx context.Context, m mark) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(slices.Clone(c.Env), "PWD="+c.Dir, m.variable())
	for k, v := range c.Set {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := syscall.SIGTERM
	if c.Grace == 0 {
		end = syscall.SIGKILL
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, end) }
	cmd.WaitDelay = c.Grace
	return cmd
}
