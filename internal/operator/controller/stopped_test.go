//go:build linux

package controller

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

const stopTimeout = 2 * time.Second

// An operator whose machine was paused has answers of its nodes that it has not read. They are not overdue.
func TestAnswersAreReadAfterTheProcessWasStopped(t *testing.T) {
	if os.Getenv("STOPPED_PROCESS") != "" {
		waitForInput(t)
		return
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // this program
	command.Env = append(os.Environ(), "STOPPED_PROCESS=1")
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if lines.Scan(); lines.Text() != "waiting" {
		t.Fatalf("it printed %q", lines.Text())
	}
	signal(t, command.Process, syscall.SIGSTOP)
	if _, err := input.Write([]byte("answer")); err != nil {
		t.Error(err)
	}
	<-time.After(stopTimeout * 3 / 2)
	signal(t, command.Process, syscall.SIGCONT)
	if lines.Scan(); lines.Text() != "answered" {
		t.Errorf("after the stop it printed %q", lines.Text())
	}
	_ = input.Close()
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

func signal(t *testing.T, process *os.Process, s syscall.Signal) {
	t.Helper()
	if err := process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// waitForInput waits for an answer on the standard input, in the process that is stopped.
func waitForInput(t *testing.T) {
	t.Helper()
	var group sync.WaitGroup
	answered := make(chan struct{})
	group.Go(func() {
		defer close(answered)
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
	time.AfterFunc(stopTimeout/20, func() { fmt.Println("waiting") })
	waitFor(t.Context(), &group, stopTimeout)
	select {
	case <-answered:
		fmt.Println("answered")
	default:
		fmt.Println("overdue")
	}
}
