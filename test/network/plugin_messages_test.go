//go:build e2e

package network

import (
	"os"
	"testing"
	"time"
)

// Two commands follow node 0. The end of the first one switches the categories of its log off, and the second one switches them on again.
func TestTwoCommandsShowTheMessagesOfOneNode(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	p := env.plugin("bob", pluginRights)
	env.create(network("shared", 3))
	env.ready("shared", readyTimeout)
	first := p.Command("messages", "shared", "0", "1")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	env.eventually("the log of the other node of the first command", readyTimeout, func() error { return env.logs("shared-sts-1", true) })
	env.eventually("the log of the node that both follow", readyTimeout, func() error { return env.logs("shared-sts-0", true) })
	second := p.Command("messages", "shared", "0", "2", "-o", "json", "--duration", "10m")
	out, err := second.StdoutPipe()
	if err == nil {
		err = second.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	env.eventually("the log of the other node of the second command", readyTimeout, func() error { return env.logs("shared-sts-2", true) })
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first one ended with %v", err)
	}
	env.eventually("the log of the node that the second command still follows", time.Minute, func() error { return env.logs("shared-sts-0", true) })
	lines := messagesOf(t, out)
	env.blockBetween(lines, "shared-sts-2", "shared-sts-0")
	_ = second.Process.Signal(os.Interrupt) // it has ended if its time is over
	for range lines {
		continue
	}
	if err := second.Wait(); err != nil {
		t.Errorf("the second one ended with %v", err)
	}
	for _, pod := range []string{"shared-sts-0", "shared-sts-1", "shared-sts-2"} {
		if err := env.logs(pod, false); err != nil {
			t.Error(err)
		}
	}
}
