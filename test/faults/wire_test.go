//go:build faults

package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// The script gives each run a network namespace, in which this bridge connects the pods with each other and with the operators.
const bridge = "pods"

// wire is a pod's network: an address in a namespace.
type wire struct{ name, address string }

var wires atomic.Int64

func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput() //nolint:gosec // commands of this file
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}

func all(commands ...string) error {
	for _, c := range commands {
		if err := ip(c); err != nil {
			return err
		}
	}
	return nil
}

// buildBridge prepares the run's own network namespace.
func buildBridge() error {
	return all("link set lo up", "link add "+bridge+" type bridge", "addr add 10.77.0.1/16 dev "+bridge, "link set "+bridge+" up",
		// The API server does not start without one.
		"route add default dev "+bridge)
}

func newWire() (wire, error) {
	n := wires.Add(1)
	w := wire{name: fmt.Sprintf("pod%d", n), address: fmt.Sprintf("10.77.%d.%d", 1+n/200, 1+n%200)}
	return w, all("netns add "+w.name, "link add v"+w.name+" type veth peer name eth0 netns "+w.name, "link set v"+w.name+" master "+bridge+" up",
		"-n "+w.name+" addr add "+w.address+"/16 dev eth0", "-n "+w.name+" link set eth0 up", "-n "+w.name+" link set lo up")
}

// unplug lets nothing in or out, for good.
func (w wire) unplug() error { return ip("link set v" + w.name + " down") }

func (w wire) remove() { _ = ip("netns del " + w.name) }

// within calls a function in the pod's network namespace: a listener or a process that it starts belongs there.
func (w wire) within(do func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread is not unlocked: it ends with this goroutine, since it is in the wrong namespace.
		runtime.LockOSThread()
		result <- func() error {
			space, err := os.Open("/run/netns/" + w.name)
			if err != nil {
				return err
			}
			defer space.Close() //nolint:errcheck // only read
			if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter the network namespace of %s: %w", w.name, err)
			}
			return do()
		}()
	}()
	return <-result
}

func (w wire) listen(port int) (l net.Listener, err error) {
	err = w.within(func() error {
		l, err = net.Listen("tcp", fmt.Sprintf("%s:%d", w.address, port)) //nolint:noctx // returns at once
		return err
	})
	return l, err
}

// No run has DNS, for all of its time: nodes and operators find each other by address.
func TestNoNameIsResolvedInARun(t *testing.T) {
	if os.Getenv("FAULTS_PLACE") == "" {
		testtools.Missing(t, "fault runs need a network namespace and programs of their own: use scripts/faults.sh")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if found, err := net.DefaultResolver.LookupHost(ctx, "kubernetes.default.svc"); err == nil {
		t.Errorf("runs are to need no DNS, and a name leads to %v", found)
	}
}
