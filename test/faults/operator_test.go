//go:build faults

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// operator is the program of the chart as a process. It is started again when it ends, as the kubelet does.
type operator struct {
	name, dir, namespace string
	*apiProxy

	mu      sync.Mutex
	process *os.Process
	// pausedUntil is when it is started again after a kill.
	pausedUntil time.Time
	wanted      bool
}

func (o *operator) kubeconfig() (string, error) {
	path := filepath.Join(o.dir, o.name+".kubeconfig")
	return path, os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q}}]
contexts: [{name: c, context: {cluster: c}}]
current-context: c
`, o.server.URL), 0o600)
}

// run runs the operator until the context ends, whenever it is wanted.
func (o *operator) run(ctx context.Context, program string) error {
	config, err := o.kubeconfig()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(o.dir, o.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // a log
	for sleep(ctx, 200*time.Millisecond) {
		o.mu.Lock()
		start := o.wanted && time.Now().After(o.pausedUntil)
		o.mu.Unlock()
		if !start {
			continue
		}
		cmd := exec.CommandContext(ctx, program, "--kubeconfig="+config, "--node-image=bitcoind:test", "--rpcauth-image=bitcoin-controller:test", //nolint:gosec // built by the script
			"--leader-elect", "--node-access=direct", "--rpcauth-delivery=image-volume", "--namespace="+o.namespace, "--watch-namespaces="+o.namespace,
			"--metrics-bind-address=0", "--health-probe-bind-address=0")
		cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "POD_NAMESPACE="+o.namespace, "POD_NAME="+o.name, "FAULTS_CLOCK="+o.clock()), log, log
		if err := cmd.Start(); err != nil {
			return err
		}
		o.running(cmd.Process)
		_ = cmd.Wait() //nolint:errcheck // how it ended is in its log
		o.running(nil)
		sleep(ctx, time.Second)
	}
	return nil
}

func (o *operator) running(process *os.Process) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.process = process
}

func (o *operator) runs() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.process != nil
}

// kill ends the operator, which is not started again for a while.
func (o *operator) kill(pause time.Duration) {
	o.mu.Lock()
	if until := time.Now().Add(pause); until.After(o.pausedUntil) {
		o.pausedUntil = until
	}
	o.mu.Unlock()
	o.signal(syscall.SIGKILL)
}

// resume ends all of this.
func (o *operator) resume() {
	o.mu.Lock()
	o.pausedUntil = time.Time{}
	o.mu.Unlock()
	o.signal(syscall.SIGCONT)
}

func (o *operator) signal(s syscall.Signal) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.process != nil {
		_ = o.process.Signal(s)
	}
}

// want starts the operator, or ends it as the kubelet does.
func (o *operator) want(wanted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wanted = wanted
	if !wanted && o.process != nil {
		_ = o.process.Signal(syscall.SIGTERM)
	}
}
